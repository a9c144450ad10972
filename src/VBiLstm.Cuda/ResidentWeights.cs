using VBiLstm.Devices;

namespace VBiLstm.Cuda;

/// <summary>A product of a resident loop (native/kernels/resident_product.cuh).</summary>
/// <param name="Units">Columns of each of its groups.</param>
/// <param name="Groups">Equal groups of columns, of which a block has the same ones.</param>
/// <param name="Depth">K.</param>
readonly record struct ResidentProduct(int Units, int Groups, int Depth)
{
    /// <summary>Rows of K that a multiplication of fragments takes.</summary>
    public const int FragmentDepth = 16;

    const int TileColumns = 8;

    /// <summary>Of eight columns of each group.</summary>
    public int Tiles => (Units + TileColumns - 1) / TileColumns;

    /// <summary>Fragments in K.</summary>
    public int Fragments => (Depth + FragmentDepth - 1) / FragmentDepth;

    public int BytesOfTile => Groups * TileColumns * Tensor.OperandBytes * Fragments * FragmentDepth;
}

/// <summary>Which blocks keep which tiles of the products' weights in their shared memory.</summary>
/// <param name="Blocks">Of the launch.</param>
/// <param name="Begins">Where each block's tiles begin, [products, blocks + 1].</param>
/// <param name="BlockBytes">Weights of the block that has the most.</param>
sealed record ResidentWeights(int Blocks, int[] Begins, int BlockBytes)
{
    // Whose sums a warp's registers hold.
    const int MostTiles = 8;

    /// <summary>The largest tiles first, each to the block that has least; null where the fullest block would have more than the bytes given.</summary>
    /// <param name="products">In the order of the kernel.</param>
    /// <param name="multiprocessors">Of which each has room for one block.</param>
    /// <param name="bytes">Of shared memory for the weights of a block.</param>
    public static ResidentWeights? Place(IReadOnlyList<ResidentProduct> products, int multiprocessors, int bytes)
    {
        var blocks = Math.Min(multiprocessors, products.Max(product => product.Tiles));
        var taken = new int[blocks];
        var counts = new int[products.Count, blocks];
        foreach (var place in Enumerable.Range(0, products.Count).OrderByDescending(place => products[place].BytesOfTile))
        {
            var product = products[place];
            for (var tile = 0; tile < product.Tiles; tile++)
            {
                var least = -1;
                for (var block = 0; block < blocks; block++)
                    if ((counts[place, block] + 1) * product.Groups <= MostTiles && (least < 0 || taken[block] < taken[least]))
                        least = block;
                if (least < 0 || taken[least] + product.BytesOfTile > bytes)
                    return null;
                counts[place, least]++;
                taken[least] += product.BytesOfTile;
            }
        }

        var begins = new int[products.Count * (blocks + 1)];
        for (var place = 0; place < products.Count; place++)
            for (var block = 0; block < blocks; block++)
                begins[place * (blocks + 1) + block + 1] = begins[place * (blocks + 1) + block] + counts[place, block];
        return new ResidentWeights(blocks, begins, taken.Max());
    }
}
