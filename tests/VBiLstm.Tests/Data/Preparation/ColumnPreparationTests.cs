using ParquetSharp;
using VBiLstm.Columns;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Data.Prepared;
using VBiLstm.Preparation;
using VBiLstm.Preparation.Sources;

namespace VBiLstm.Tests.Data.Preparation;

/// <summary>
/// Columns of Parquet and Arrow, and HDF5, as frames, tokens and texts: files that polars, Arrow's JavaScript and h5py wrote (tests/data/columns) and that
/// Arrow's C++ (ParquetSharp) writes here, against closed forms and against numpy's arrays of the same numbers.
/// </summary>
public class ColumnPreparationTests
{
    const int Sequences = 12;

    static string Made(string name) => Path.Combine(AppContext.BaseDirectory, "columns", name);

    static PreparedManifest Prepare(string task, string train, string test, string folder, PreparationOptions? options = null)
        => PreparationTask.Get(task).Run([new SourcePath(train, "train"), new SourcePath(train, "validation"), new SourcePath(test, "test")], folder,
            options ?? new PreparationOptions(), (_, _) => { }, TestContext.Current.CancellationToken);

    /// <summary>Writes a file of Parquet, the columns' rows parted into groups of a number of rows.</summary>
    static string Parquet(TemporaryFolder folder, string name, int groupRows, params (string Name, Array Values)[] columns)
        => Parquet(folder, name, groupRows, new WriterPropertiesBuilder().Compression(Compression.Zstd), columns);

    static string Parquet(TemporaryFolder folder, string name, int groupRows, WriterPropertiesBuilder properties, params (string Name, Array Values)[] columns)
    {
        var path = folder.At(name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using var built = properties.Build();
        using var file = new ParquetFileWriter(path,
            [.. columns.Select(column => new ParquetSharp.Column(column.Values.GetType().GetElementType()!, column.Name))], built);
        var rows = columns[0].Values.Length;
        for (var first = 0; first < rows; first += groupRows)
        {
            using var group = file.AppendRowGroup();
            foreach (var (_, values) in columns)
            {
                using var column = group.NextColumn().LogicalWriter();
                column.Apply(new Writing(values, first, Math.Min(groupRows, rows - first)));
            }
        }

        file.Close();
        return path;
    }

    sealed class Writing(Array values, int first, int count) : ILogicalColumnWriterVisitor<bool>
    {
        public bool OnLogicalColumnWriter<TValue>(LogicalColumnWriter<TValue> columnWriter)
        {
            columnWriter.WriteBatch(((TValue[])values).AsSpan(first, count));
            return true;
        }
    }

    // The values that the files of tests/data/columns have.
    static float[] Frames(int sequence)
        => [0, 0, 0, .. from step in Enumerable.Range(0, 2 + sequence % 3) from column in Enumerable.Range(0, 3)
            select 100f * sequence + 10 * step + column + 0.25f];

    [Theory]
    [InlineData("long-uncompressed.parquet")]
    [InlineData("long-snappy.parquet")]
    [InlineData("long-gzip.parquet")]
    [InlineData("long-brotli.parquet")]
    [InlineData("long-lz4.parquet")]
    [InlineData("long-zstd.parquet")]
    [InlineData("long-uncompressed.arrow")]
    [InlineData("long-lz4.arrow")]
    [InlineData("long-zstd.arrow")]
    [InlineData("lists.arrow")]
    [InlineData("lists-stream.arrow")]
    [InlineData("fixed.arrow")]
    [InlineData("lists-zstd.arrow")]
    [InlineData("lists-zstd.parquet")]
    public void Frames_of_other_programs_files_are_what_they_wrote(string name)
    {
        using var folder = new TemporaryFolder();
        var manifest = Prepare("frames", Made(name), Made(name), folder.At("out"));
        Assert.Equal((3, Sequences), (manifest.FrameSize, manifest.Splits["train"].Sequences));
        var test = Raw.Open(folder.At("out")).Test;
        for (var sequence = 0; sequence < Sequences; sequence++)
            Assert.Equal(Frames(sequence), Raw.Frames(test, sequence));
        Assert.Contains(name.StartsWith("long", StringComparison.Ordinal)
            ? "a row is a step of the sequence in column seq, its values in columns a, b, c"
            : "a row is a sequence, in column frames", manifest.Preparation, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ids.parquet")]
    [InlineData("ids.arrow")]
    public void Tokens_of_other_programs_files_are_what_they_wrote(string name)
    {
        using var folder = new TemporaryFolder();
        Assert.Equal(5, Prepare("tokens", Made(name), Made(name), folder.At("out")).VocabularySize);
        var test = Raw.Open(folder.At("out")).Test;
        for (var sequence = 0; sequence < Sequences; sequence++)
            Assert.Equal(Enumerable.Range(0, 2 + sequence % 3).Select(step => (sequence + step) % 5), Raw.Tokens(test, sequence));
    }

    [Theory]
    [InlineData("texts.parquet")]
    [InlineData("texts.arrow")]
    public void Texts_of_a_column_stand_one_below_the_other_and_are_sentences(string name)
    {
        using var folder = new TemporaryFolder();
        var text = folder.Write("same.txt", "the cat sat\nnaïve\nlines\n\n");
        Prepare("text-char", Made(name), Made(name), folder.At("rows"));
        Prepare("text-char", text, text, folder.At("lines"));
        AssertSame(folder, "rows", "lines");
        Assert.Equal(File.ReadAllBytes(folder.At("lines/vocabulary.json")), File.ReadAllBytes(folder.At("rows/vocabulary.json")));

        // A row is one sentence whatever is in it.
        Prepare("sentences", Made(name), Made(name), folder.At("sentences"));
        Assert.Equal(2, Raw.Open(folder.At("sentences")).Test.Count);
    }

    [Theory]
    [InlineData("gzip.h5")]
    [InlineData("latest.h5")]
    public void Arrays_of_HDF5_are_those_of_numpy(string name)
    {
        using var folder = new TemporaryFolder();
        folder.Write("numpy/train.npy", Npy(Sequences));
        folder.Write("numpy/test.npy", Npy(2));
        Raw.Prepare("frames", folder.At("numpy"), folder.At("arrays"));
        var manifest = Raw.Prepare("frames", Made(name), folder.At("hdf5"));
        AssertSame(folder, "arrays", "hdf5");
        Assert.Equal(["hdf5"], manifest.Unpacked);
        Assert.Equal(name == "gzip.h5" ? ["labels", "no numbers"] : [], manifest.LeftOut!.Select(reason => reason.Reason).Order());
    }

    // [count, 3, 2] of 100 s + 10 t + c.
    static byte[] Npy(int count)
    {
        var text = $"{{'descr': '<f4', 'fortran_order': False, 'shape': ({count}, 3, 2), }}".PadRight(117) + "\n";
        return [0x93, .. "NUMPY"u8, 1, 0, 118, 0, .. System.Text.Encoding.ASCII.GetBytes(text),
            .. from s in Enumerable.Range(0, count) from t in Enumerable.Range(0, 3) from c in Enumerable.Range(0, 2)
               from part in BitConverter.GetBytes(100f * s + 10 * t + c) select part];
    }

    static void AssertSame(TemporaryFolder folder, string one, string other)
    {
        foreach (var split in PreparedFolder.Splits)
            Assert.Equal(File.ReadAllBytes(folder.At($"{one}/{split}.bin")), File.ReadAllBytes(folder.At($"{other}/{split}.bin")));
    }

    [Fact]
    public void Every_type_of_number_over_many_row_groups_gives_what_numpy_s_array_gives()
    {
        using var folder = new TemporaryFolder();
        var npy = folder.Write("same.npy", Npy(Sequences));
        Prepare("frames", npy, npy, folder.At("arrays"));
        T[] Column<T>(int column, Func<int, T> convert)
            => [.. from s in Enumerable.Range(0, Sequences) from t in Enumerable.Range(0, 3) select convert(100 * s + 10 * t + column)];
        string[] names = [.. from s in Enumerable.Range(0, Sequences) from t in Enumerable.Range(0, 3) select $"machine {s}"];
        (string, Array, Array)[] types =
        [
            ("float", Column(0, value => (float)value), Column(1, value => (float)value)),
            ("double", Column(0, value => (double)value), Column(1, value => (double)value)),
            ("short", Column(0, value => (short)value), Column(1, value => (short)value)),
            ("ushort", Column(0, value => (ushort)value), Column(1, value => (ushort)value)),
            ("int", Column(0, value => value), Column(1, value => value)),
            ("uint", Column(0, value => (uint)value), Column(1, value => (uint)value)),
            ("long", Column(0, value => (long)value), Column(1, value => (long)value)),
            ("ulong", Column(0, value => (ulong)value), Column(1, value => (ulong)value)),
            ("nullable", Column(0, value => (float?)value), Column(1, value => (float?)value)),
        ];
        foreach (var (name, a, b) in types)
        {
            // Groups of 7 rows part sequences.
            var path = Parquet(folder, $"{name}.parquet", 7, ("machine", names), ("a", a), ("b", b));
            Prepare("frames", path, path, folder.At(name), new PreparationOptions { Sequence = "machine", Values = ["a", "b"] });
            AssertSame(folder, "arrays", name);
        }

        // The same as lists of frames, as frames beside their sequence, and flat.
        float[][][] lists = [.. Enumerable.Range(0, Sequences).Select(s => Enumerable.Range(0, 3)
            .Select(t => new[] { 100f * s + 10 * t, 100f * s + 10 * t + 1 }).ToArray())];
        var nested = Parquet(folder, "nested.parquet", 5, ("label", new int[Sequences]), ("x", lists));
        Prepare("frames", nested, nested, folder.At("nested"));
        var steps = Parquet(folder, "steps.parquet", 5, ("sequence_id", names), ("x", lists.SelectMany(sequence => sequence).ToArray()));
        Prepare("frames", steps, steps, folder.At("steps"));
        var flat = Parquet(folder, "flat.parquet", 5, ("x", lists.Select(sequence => sequence.SelectMany(frame => frame).ToArray()).ToArray()));
        Prepare("frames", flat, flat, folder.At("flat"), new PreparationOptions { FrameSize = 2 });
        foreach (var name in new[] { "nested", "steps", "flat" })
            AssertSame(folder, "arrays", name);
    }

    [Fact]
    public void A_file_without_a_column_of_sequences_is_one_sequence_or_a_stream()
    {
        using var folder = new TemporaryFolder();
        foreach (var split in new[] { "train", "valid", "test" })
        {
            Parquet(folder, $"frames/{split}.parquet", 4, ("a", new[] { 1.5, 2, 3, 4, 5 }), ("b", new[] { 6.5, 7, 8, 9, 10 }));
            Parquet(folder, $"tokens/{split}.parquet", 4, ("id", new[] { 3, 1, 0, 2, 1 }));
        }

        Raw.Prepare("frames", folder.At("frames"), folder.At("one"));
        Assert.Equal([0, 0, 1.5f, 6.5f, 2, 7, 3, 8, 4, 9, 5, 10], Raw.Frames(Raw.Open(folder.At("one")).Test, 0));
        Assert.True(Raw.Prepare("tokens", folder.At("tokens"), folder.At("stream")).IsStream);
        Assert.Equal([3, 1, 0, 2, 1], Raw.Tokens(Raw.Open(folder.At("stream")).Test, 0));
    }

    [Fact]
    public void Parts_of_a_split_are_joined_in_the_order_of_their_numbers()
    {
        using var folder = new TemporaryFolder();
        for (var part = 0; part < 2; part++)
            foreach (var split in new[] { "train", "validation", "test" })
                Parquet(folder, $"set/{split}-0000{part}-of-00002.parquet", 4, ("ids", new[] { new[] { part, 1, 2 }, [part, 3] }));
        Raw.Prepare("tokens", folder.At("set"), folder.At("out"));
        var test = Raw.Open(folder.At("out")).Test;
        Assert.Equal([[0, 1, 2], [0, 3], [1, 1, 2], [1, 3]], Enumerable.Range(0, test.Count).Select(index => Raw.Tokens(test, index)));
    }

    public static TheoryData<string, string> Refusals => new()
    {
        { "null", "column a, row 2 (from 0 on): no value (null)" },
        { "half", "column a: reals of 16 bits" },
        { "null list", "column x, row 1 (from 0 on): no value (null)" },
        { "null in a list", "column x, row 1 (from 0 on): no value (null)" },
        { "not a number", "column a, row 3 (from 0 on): NaN" },
        { "infinite", "column a, row 1 (from 0 on): 1E+300 where a finite number of 32 bits should stand" },
        { "widths", "column x, row 1 (from 0 on): a frame of 3 numbers where those before have 2" },
        { "empty", "column x, row 1 (from 0 on): an empty list" },
        { "decimal", "a (decimal)" },
        { "timestamp", "when (timestamp)" },
        { "texts", "name (texts)" },
        { "two lists", "columns x, y hold lists of numbers; say which hold the values with --values" },
        { "two sequences", "columns seq and episode could tell the sequences apart" },
        { "no such column", "--sequence: there is no column machine. It has: a (reals)" },
        { "a sequence again", "column seq, row 2 (from 0 on): sequence 1 again, behind another one" },
        { "whole and real", "columns step, a are whole numbers and reals" },
        { "whole alone", "nothing says which rows are one sequence" },
        { "flat", "say how many numbers are a frame with --frame-size" },
        { "no whole frames", "column x, row 1 (from 0 on): 3 numbers, which are no whole frames of 2" },
        { "no rows", "has no rows" },
        { "three deep", "x (list of list of list of reals)" },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public void What_is_no_frames_names_the_column_the_row_and_the_fix(string name, string expected)
    {
        using var folder = new TemporaryFolder();
        var options = new PreparationOptions();
        (string, Array)[] columns;
        switch (name)
        {
            case "null":
                columns = [("a", new double?[] { 1, 2, null, 4 })];
                break;
            case "half":
                columns = [("a", new[] { (Half)1 })];
                break;
            case "null list":
                columns = [("x", new double[]?[] { [1], null })];
                options = options with { FrameSize = 1 };
                break;
            case "null in a list":
                columns = [("x", new double?[][] { [1], [2, null] })];
                options = options with { FrameSize = 1 };
                break;
            case "not a number":
                columns = [("a", new[] { 1, 2, 3, double.NaN })];
                break;
            case "infinite":
                columns = [("a", new[] { 1, 1e300 })];
                break;
            case "widths":
                columns = [("x", new double[][][] { [[1, 2]], [[1, 2, 3]] })];
                break;
            case "empty":
                columns = [("x", new double[][][] { [[1, 2]], [] })];
                break;
            case "decimal":
                columns = [("a", new[] { 1.5m, 2 })];
                break;
            case "timestamp":
                columns = [("when", new[] { DateTime.UnixEpoch }), ("a", new[] { 1.0 })];
                break;
            case "texts":
                columns = [("name", new[] { "n" }), ("a", new[] { 1.0 })];
                break;
            case "two lists":
                columns = [("x", new double[][] { [1] }), ("y", new double[][] { [1] })];
                break;
            case "two sequences":
                columns = [("seq", new[] { 1 }), ("episode", new[] { 1 }), ("a", new[] { 1.0 })];
                break;
            case "no such column":
                columns = [("a", new[] { 1.0 })];
                options = options with { Sequence = "machine" };
                break;
            case "a sequence again":
                columns = [("seq", new[] { 1, 2, 1 }), ("a", new[] { 1.0, 2, 3 })];
                break;
            case "whole and real":
                columns = [("step", new[] { 0, 1 }), ("a", new[] { 1.0, 2 })];
                break;
            case "whole alone":
                columns = [("count", new[] { 0, 1 })];
                break;
            case "flat":
                columns = [("x", new double[][] { [1, 2] })];
                break;
            case "no whole frames":
                columns = [("x", new double[][] { [1, 2], [1, 2, 3] })];
                options = options with { FrameSize = 2 };
                break;
            case "three deep":
                columns = [("x", new double[][][][] { [[[1]]] })];
                break;
            default:
                columns = [("a", Array.Empty<double>())];
                break;
        }

        var properties = new WriterPropertiesBuilder();
        var path = name == "decimal" ? Decimals(folder) : Parquet(folder, "some.parquet", 2, properties, columns);
        var error = Assert.Throws<DataException>(() => Prepare("frames", path, path, folder.At("out"), options)).Message;
        Assert.Contains(expected, error, StringComparison.Ordinal);
        Assert.StartsWith(path, error, StringComparison.Ordinal);
        Assert.DoesNotContain("System.", error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder.At("out")));
    }

    static string Decimals(TemporaryFolder folder)
    {
        var path = folder.At("decimals.parquet");
        using var file = new ParquetFileWriter(path, [new ParquetSharp.Column(typeof(decimal), "a", LogicalType.Decimal(29, 3))]);
        using (var group = file.AppendRowGroup())
        using (var column = group.NextColumn().LogicalWriter<decimal>())
            column.WriteBatch([1.5m]);
        file.Close();
        return path;
    }

    [Fact]
    public void What_is_no_tokens_is_refused_too()
    {
        using var folder = new TemporaryFolder();
        string Error(params (string, Array)[] columns)
        {
            var path = Parquet(folder, "some.parquet", 2, columns);
            return Assert.Throws<DataException>(() => Prepare("tokens", path, path, folder.At("out"))).Message;
        }

        Assert.Contains("no column holds whole numbers", Error(("a", new[] { 1.0 })), StringComparison.Ordinal);
        Assert.Contains("row 1 (from 0 on): -1", Error(("a", new[] { 1, -1 })), StringComparison.Ordinal);
        Assert.Contains("input_ids, attention_mask", Error(("input_ids", new int[][] { [1] }), ("attention_mask", new int[][] { [1] })),
            StringComparison.Ordinal);
        Assert.Contains("53 bits", Error(("a", new[] { 1L << 54 })), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("null.parquet", "column frames, row 1 (from 0 on): no value (null)")]
    [InlineData("null.arrow", "column frames, row 1 (from 0 on): no value (null)")]
    [InlineData("big-endian.h5", "Little-endian")]
    [InlineData("lzf.h5", "'lzf'")]
    [InlineData("circle.h5", "links in a circle")]
    public void Other_programs_files_that_cannot_be_read_are_refused_in_words(string name, string expected)
    {
        using var folder = new TemporaryFolder();
        var error = Assert.Throws<DataException>(() => Prepare("frames", Made(name), Made(name), folder.At("out"))).Message;
        Assert.Contains(expected, error, StringComparison.Ordinal);
        foreach (var code in new[] { "System.", "PureHDF", "Parquet.", "`" })
            Assert.DoesNotContain(code, error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("long-zstd.parquet")]
    [InlineData("lists.arrow")]
    [InlineData("lists-stream.arrow")]
    [InlineData("gzip.h5")]
    public void A_file_that_ends_early_and_one_of_another_kind_are_named(string name)
    {
        using var folder = new TemporaryFolder();
        var whole = File.ReadAllBytes(Made(name));
        foreach (var content in new[] { whole[..(whole.Length / 2)], whole[..12], "PK"u8.ToArray() })
        {
            var path = folder.Write("cut" + Path.GetExtension(name), content);
            var error = Assert.Throws<DataException>(() => Prepare("frames", path, path, folder.At("out"))).Message;
            Assert.Contains(path, error, StringComparison.Ordinal);
            Assert.DoesNotContain("System.", error, StringComparison.Ordinal);
        }

        var feather = folder.Write("old.feather", "FEA1 and more"u8.ToArray());
        Assert.Contains("version 1", Assert.Throws<DataException>(() => Prepare("frames", feather, feather, folder.At("out"))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Lists_in_data_pages_of_version_2_are_refused_with_the_way_to_write_them()
    {
        using var folder = new TemporaryFolder();
        var path = Parquet(folder, "v2.parquet", 2, new WriterPropertiesBuilder().DataPageVersion(ParquetDataPageVersion.V2),
            ("x", new double[][][] { [[1, 2]], [[3, 4]] }));
        Assert.Contains("version 1", Assert.Throws<DataException>(() => Prepare("frames", path, path, folder.At("out"))).Message, StringComparison.Ordinal);
        var plain = Parquet(folder, "plain.parquet", 2, new WriterPropertiesBuilder().DataPageVersion(ParquetDataPageVersion.V2), ("x", new[] { 1.5, 2, 3 }));
        Assert.Equal(3, Prepare("frames", plain, plain, folder.At("plain")).Splits["test"].Values);
    }

    /// <summary>Directories whose parts are longer than they are, which Parquet's library walks as if they were there.</summary>
    [Theory]
    [InlineData("a list of 52,428,799 where 1 bytes are left", 0x19, 0xff, 0xff, 0xff, 0xff, 0x18, 0x00)]
    [InlineData("a list of 3 where 2 bytes are left", 0x19, 0x35, 0x02, 0x00)]
    [InlineData("a map of 127 where 3 bytes are left", 0x1b, 0x7f, 0x88, 0x00, 0x00)]
    [InlineData("a text of 9 where 1 bytes are left", 0x18, 0x09, 0x00)]
    [InlineData("a value of type 14", 0x1e, 0x00)]
    [InlineData("its end where something should follow", 0x15, 0x02)]
    [InlineData("more than 64 bits", 0x15, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0x00)]
    public void A_directory_that_promises_more_than_it_holds_is_an_error(string expected, params int[] directory)
    {
        byte[] content = [.. "PAR1"u8, .. directory.Select(value => (byte)value), (byte)directory.Length, 0, 0, 0, .. "PAR1"u8];
        var error = Assert.Throws<DataException>(() => ColumnFile.Open(new MemoryStream(content), leaveOpen: false, "x.parquet",
            TestContext.Current.CancellationToken));
        Assert.Contains("x.parquet, offset ", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_library_that_comes_to_no_end_is_an_error()
    {
        using var never = new ManualResetEventSlim();
        var error = Assert.Throws<DataException>(() => LibraryFailure.Told("x.parquet", "Get it again.", () =>
        {
            never.Wait(TestContext.Current.CancellationToken);
            return 0;
        }, TimeSpan.FromMilliseconds(30)));
        Assert.Contains("x.parquet cannot be read: its library did not come to an end", error.Message, StringComparison.Ordinal);
        never.Set();
        Assert.Equal(7, LibraryFailure.Told("x.parquet", "Get it again.", () => 7));
    }

    [Fact]
    public void Row_groups_are_read_one_by_one()
    {
        using var folder = new TemporaryFolder();
        var path = Parquet(folder, "some.parquet", 100, new WriterPropertiesBuilder().Compression(Compression.Zstd).DisableDictionary(),
            ("a", Enumerable.Range(0, 300).Select(i => Math.Sin(i)).ToArray()));
        var content = File.ReadAllBytes(path);

        // The pages of the second group stand behind the mark of the format and those of the first.
        int page;
        using (var written = new ParquetFileReader(path))
        using (var first = written.RowGroup(0))
            page = 4 + (int)first.MetaData.GetColumnChunkMetaData(0).TotalCompressedSize;
        content.AsSpan(page, 8).Fill(0xff);
        using var file = ColumnFile.Open(new MemoryStream(content), leaveOpen: false, "x", TestContext.Current.CancellationToken);
        var groups = file.Read(file.Columns).GetEnumerator();
        Assert.True(groups.MoveNext());
        Assert.Equal(Enumerable.Range(0, 100).Select(i => Math.Sin(i)), groups.Current.Values[0].Numbers);
        Assert.Contains("rows from 100 (from 0 on)", Assert.Throws<DataException>(() => groups.MoveNext()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Columns_are_inputs_of_a_trained_model()
    {
        using var folder = new TemporaryFolder();
        var identity = new SplitIdentity(1, 1, "");
        var data = new DataIdentity { Train = identity, Validation = identity, Test = identity, Unit = TaskUnit.Nats };
        var frames = new RunConfiguration { Model = new ModelConfiguration { OutputDistribution = OutputDistribution.Gaussian, FrameSize = 3 } };
        var read = InputFiles.Read([Made("long-zstd.parquet")], "--data", frames, data, cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(Frames(11), Raw.Frames(read.Sequences, 11));
        Assert.Equal((Made("long-zstd.parquet"), 12), read.Names[^1]);
        Assert.Contains("column seq", Assert.Single(read.Remarks), StringComparison.Ordinal);
        var path = Parquet(folder, "some.parquet", 4, ("seq", new[] { 7, 7, 8 }), ("text", new[] { "u", "v", "w" }), ("ids", new[] { 1, 0, 2 }));
        var tokens = new RunConfiguration { Model = new ModelConfiguration { OutputDistribution = OutputDistribution.Categorical, VocabularySize = 3 } };
        var texts = InputFiles.Read([path], "--data", tokens with { Model = tokens.Model with { VocabularySize = 4 } },
            data with { Unit = TaskUnit.BitsPerCharacter, Vocabulary = ["\n", "u", "v", "w"] },
            cancellation: TestContext.Current.CancellationToken);
        Assert.Equal([0, 1, 0], Raw.Tokens(texts.Sequences, 0));
    }

    [Fact]
    public void Tables_are_what_another_implementation_reads()
    {
        using var folder = new TemporaryFolder();
        var table = new ParquetTable();
        table.Add("input", new[] { "a,b", "é\"", "" });
        table.Add("item", new[] { 1, -2, int.MaxValue });
        table.Add("bound", new[] { 0.1, -1e300, double.NaN });
        table.Write(folder.At("table.parquet"));
        using var file = new ParquetFileReader(folder.At("table.parquet"));
        using var group = file.RowGroup(0);
        Assert.Equal((3, 3L, 1), (file.FileMetaData.NumColumns, file.FileMetaData.NumRows, file.FileMetaData.NumRowGroups));
        Assert.Equal(["input", "item", "bound"], Enumerable.Range(0, 3).Select(column => file.FileMetaData.Schema.Column(column).Name));
        Assert.Equal(["a,b", "é\"", ""], group.Column(0).LogicalReader<string>().ReadAll(3));
        Assert.Equal([1, -2, int.MaxValue], group.Column(1).LogicalReader<int>().ReadAll(3));
        Assert.Equal([0.1, -1e300, double.NaN], group.Column(2).LogicalReader<double>().ReadAll(3));
        Assert.Equal(["table.parquet"], Directory.GetFileSystemEntries(folder.Path).Select(Path.GetFileName));
    }
}
