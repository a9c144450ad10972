using System.CommandLine;
using VBiLstm.Configuration;
using VBiLstm.Cuda.Profiling;

namespace VBiLstm.Cli.Options;

/// <summary>Several GPUs that a budget is estimated for.</summary>
sealed class RankOptions
{
    readonly Option<int?> _ranks = new("--ranks")
    {
        HelpName = "N",
        Description = "With --budget and --gpu: what so many ranks cost and gain. Each has a GPU; the cost is the sum of their gradients. "
            + "training.batch_size is the batch of all ranks together.",
    };

    readonly Option<int?> _perNode = new("--ranks-per-node")
    {
        HelpName = "N",
        Description = $"How many of them a node has. Default: --ranks, but at most {RankPlacement.GpusOfANode}, as servers have.",
    };

    readonly Option<string?> _network = new("--network")
    {
        Description = "Between nodes, for instance ib-400; one node needs none. A card for each GPU: "
            + $"{string.Join("; ", NetworkLink.All.Select(known => $"{known.Name} ({known.Product}, {known.GigabytesPerSecond} GB/s)"))}.",
    };

    public void AddTo(Command command)
    {
        command.Options.Add(_ranks);
        command.Options.Add(_perNode);
        command.Options.Add(_network);
    }

    /// <exception cref="ConfigurationException">One of them is given where there are no ranks to count for.</exception>
    public void Refuse(ParseResult parsed, string because)
    {
        foreach (var option in new Option[] { _ranks, _perNode, _network })
            if (parsed.GetResult(option) is not null)
                throw new ConfigurationException($"{option.Name} {because}");
    }

    /// <summary>Null where --ranks is not given.</summary>
    /// <exception cref="ConfigurationException">They are not whole nodes, or the network is unknown.</exception>
    public (RankPlacement Placement, NetworkLink? Network)? Read(ParseResult parsed)
    {
        if (parsed.GetValue(_ranks) is { } ranks)
            return (RankPlacement.Of(ranks, parsed.GetValue(_perNode)), parsed.GetValue(_network) is { } name ? NetworkLink.Get(name) : null);
        Refuse(parsed, "needs --ranks; say how many there are.");
        return null;
    }
}
