using System.Text;
using VBiLstm.Metrics;
using static VBiLstm.Tests.Metrics.EventFile;

namespace VBiLstm.Tests.Metrics;

public class LogTests
{
    [Fact]
    public void A_resumed_log_forgets_later_steps_and_a_torn_line()
    {
        using var folder = new TemporaryFolder();
        var path = folder.At("metrics.jsonl");
        using (var log = new MetricsLog(path, 0))
            for (var step = 1; step <= 5; step++)
                log.Write(step, "train", [("bound", -step), ("kl", double.NaN)]);
        File.AppendAllText(path, """{"step":6,"spl""");
        Assert.Equal(5, MetricsLog.Read(path).Count());
        using (var log = new MetricsLog(path, 3))
            log.Write(4, "validation", [("bound", 1.5)]);
        var rows = MetricsLog.Read(path).ToList();
        Assert.Equal([1L, 2, 3, 4], rows.Select(row => row.Step));
        Assert.Equal(("validation", 1.5), (rows[3].Split, rows[3].Values["bound"]));
        Assert.True(double.IsNaN(rows[0].Values["kl"]));
        Assert.Contains("\"NaN\"", File.ReadAllLines(path)[0], StringComparison.Ordinal);
    }

    [Fact]
    public void Crc32c_gives_the_published_check_value()
        => Assert.Equal(0xE3069283u, TensorBoardLog.Crc32C(Encoding.ASCII.GetBytes("123456789")));

    [Fact]
    public void Event_files_decode_to_what_was_logged()
    {
        using var folder = new TemporaryFolder();
        using (var log = new TensorBoardLog(folder.Path, null))
        {
            log.Scalar("train/bound", 300, -1.5);
            log.Scalar("kl", 1L << 40, 0.25);
        }

        var file = Assert.Single(Directory.GetFiles(folder.Path));
        Assert.StartsWith("events.out.tfevents.", Path.GetFileName(file), StringComparison.Ordinal);
        var events = Records(File.ReadAllBytes(file)).Select(Fields).ToList();
        Assert.Equal("brain.Event:2", Encoding.UTF8.GetString((byte[])events[0][3]));
        Assert.Equal([(300L, "train/bound", -1.5f), (1L << 40, "kl", 0.25f)], events.Skip(1).Select(fields =>
        {
            var value = Fields((byte[])Fields((byte[])fields[5])[1]);
            return ((long)(ulong)fields[2], Encoding.UTF8.GetString((byte[])value[1]), BitConverter.UInt32BitsToSingle((uint)value[2]));
        }));
        var wallTime = BitConverter.UInt64BitsToDouble((ulong)events[1][1]);
        Assert.InRange(wallTime, 1.7e9, 1e10);
    }

    [Fact]
    public void A_resumed_event_file_strikes_out_later_steps_and_holds_pictures_and_hyperparameters()
    {
        using var folder = new TemporaryFolder();
        using (var log = new TensorBoardLog(folder.Path, 41))
        {
            log.Hyperparameters([("seed", 7L), ("data.carry_state", true), ("data.source", "é")]);
            log.Picture("samples", 50, [1, 2, 3], 4, 5);
        }

        var events = Records(File.ReadAllBytes(Assert.Single(Directory.GetFiles(folder.Path)))).Select(Fields).ToList();

        // event.proto: session_log 7 with status 1, START; TensorBoard drops everything from its step on.
        Assert.Equal(42ul, events[1][2]);
        Assert.Equal(1ul, Fields((byte[])events[1][7])[1]);

        // plugin_data.proto: metadata 9, plugin_data 1 (name 1, content 2), session_start_info 3, hparams 1.
        byte[] Value(int at) => (byte[])Fields((byte[])events[at][5])[1];
        var plugin = Fields((byte[])Fields((byte[])Fields(Value(2))[9])[1]);
        Assert.Equal("hparams", Encoding.UTF8.GetString((byte[])plugin[1]));
        var last = Fields((byte[])Fields((byte[])Fields((byte[])plugin[2])[3])[1]);
        Assert.Equal("data.source", Encoding.UTF8.GetString((byte[])last[1]));
        Assert.Equal("é", Encoding.UTF8.GetString((byte[])Fields((byte[])last[2])[3]));

        var picture = Fields((byte[])Fields(Value(3))[4]);
        Assert.Equal((4ul, 5ul, 1ul), (picture[1], picture[2], picture[3]));
        Assert.Equal(new byte[] { 1, 2, 3 }, picture[4]);
        Assert.Equal(50ul, events[3][2]);
    }

    [Fact]
    public void Missing_lines_and_an_evaluation_to_be_done_again_are_noticed()
    {
        using var folder = new TemporaryFolder();
        var path = folder.At("metrics.jsonl");
        File.WriteAllText(path, """
            {"step":1,"split":"train","bound":-1}
            {"step":3,"split":"train","bound":-3}
            {"step":3,"split":"validation","bound":-3.5}
            {"step":4,"split":"train","bound":-4}

            """);
        var warnings = new List<string>();
        new MetricsLog(path, 3, evaluationIsPending: true, warnings.Add).Dispose();
        Assert.Contains("holds 2 training steps where 3 are done", Assert.Single(warnings), StringComparison.Ordinal);
        Assert.Equal([(1L, "train"), (3L, "train")], MetricsLog.Read(path).Select(row => (row.Step, row.Split)));
        new MetricsLog(folder.At("none.jsonl"), 3, warn: warnings.Add).Dispose();
        Assert.Contains("is missing", warnings[1], StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_log_could_not_write_comes_when_it_can_again()
    {
        using var folder = new TemporaryFolder();
        var (path, warnings) = (folder.At("logs/log"), new List<string>());
        File.WriteAllText(folder.At("logs"), "a file in the way");
        using (var log = new AppendedFile(path, warnings.Add))
        {
            log.Append("one "u8);
            log.Append("two "u8);
            Assert.Contains("cannot be written", Assert.Single(warnings), StringComparison.Ordinal);
            File.Delete(folder.At("logs"));
            log.Append("three "u8);
            Assert.Equal("one two three ", Encoding.UTF8.GetString(SharedFile.ReadAllBytes(path)));
            Assert.Contains("nothing is missing", warnings[1], StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_log_that_is_deleted_under_way_is_begun_anew()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "There a file that is deleted while it is open keeps its name until it is closed.");
        using var folder = new TemporaryFolder();
        var (path, warnings) = (folder.At("log"), new List<string>());
        using (var log = new AppendedFile(path, warnings.Add))
        {
            log.Append("three "u8);
            File.Delete(path);
            log.Flush();
            log.Append("four"u8);
            Assert.Contains("was deleted under way", Assert.Single(warnings), StringComparison.Ordinal);
        }

        Assert.Equal("four", File.ReadAllText(path));
    }

    [Fact]
    public void Times_stand_beside_the_metrics()
    {
        using var folder = new TemporaryFolder();
        using (var log = new TimingLog(folder.At("timing.jsonl")))
            log.Add(7, 32);
        using var line = System.Text.Json.JsonDocument.Parse(Assert.Single(File.ReadAllLines(folder.At("timing.jsonl"))));
        Assert.Equal(7, line.RootElement.GetProperty("step").GetInt64());
        foreach (var name in new[] { "seconds", "samples_per_second", "memory_bytes" })
            Assert.True(line.RootElement.GetProperty(name).GetDouble() >= 0);
    }
}
