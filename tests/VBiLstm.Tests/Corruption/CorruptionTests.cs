using System.Diagnostics;
using System.Globalization;
using VBiLstm.Checkpoints;
using VBiLstm.Configuration;

namespace VBiLstm.Tests.Corruption;

/// <summary>
/// Random damage to every file that a user may bring: each reader must give what the file holds or one clear error; never another exception, a hang,
/// memory out of all proportion, or a success where a checksum should have told. VBILSTM_CORRUPTIONS sets the number of cases (scripts/corrupt-inputs.sh).
/// </summary>
public class CorruptionTests
{
    const int ShortCampaign = 3000;
    const long AllocationLimit = 96L << 20;
    const double SecondsLimit = 60; // against hanging only

    [Fact]
    public void Damaged_files_give_a_clear_error_or_what_they_hold()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "It damages files that data sets of earlier cases still have open, which Windows refuses.");
        using var folder = new TemporaryFolder();
        var cases = int.TryParse(Environment.GetEnvironmentVariable("VBILSTM_CORRUPTIONS"), NumberStyles.None, CultureInfo.InvariantCulture, out var given)
            ? given
            : ShortCampaign;
        var readers = CorruptedReader.All(folder);
        var counts = readers.ToDictionary(reader => reader.Name, _ => (Refused: 0, Read: 0));
        var good = readers.ToDictionary(reader => reader.Name, reader => reader.Read(reader.Good));
        var failures = new List<string>();
        for (var number = 0; number < cases && failures.Count < 20; number++)
        {
            var reader = readers[number % readers.Count];
            var damaged = Damage(reader.Good, new Random(number));
            if (damaged.AsSpan().SequenceEqual(reader.Good))
                continue;
            var place = $"case {number}, {reader.Name}: ";
            var (before, clock) = (GC.GetAllocatedBytesForCurrentThread(), Stopwatch.StartNew());
            try
            {
                var read = reader.Read(damaged);
                var (refused, successes) = counts[reader.Name];
                counts[reader.Name] = (refused, successes + 1);
                if (reader.IsChecked && read != good[reader.Name])
                    failures.Add(place + "read with another content in spite of its checksum");
            }
            catch (Exception e) when (e is ConfigurationException or CheckpointException)
            {
                var (refused, successes) = counts[reader.Name];
                counts[reader.Name] = (refused + 1, successes);
                if (e.Message.Length < 10)
                    failures.Add(place + "an error that says nothing");
            }
            catch (Exception e)
            {
                failures.Add($"{place}{e.GetType().Name}: {e.Message} "
                    + $"{e.StackTrace?.Split('\n').FirstOrDefault(line => line.Contains("VBiLstm", StringComparison.Ordinal))?.Trim()}");
            }

            if (clock.Elapsed > TimeLimit.Of(SecondsLimit))
                failures.Add($"{place}took {clock.Elapsed}");
            if (GC.GetAllocatedBytesForCurrentThread() - before > AllocationLimit)
                failures.Add($"{place}allocated {(GC.GetAllocatedBytesForCurrentThread() - before) >> 20} MiB");
        }

        TestContext.Current.TestOutputHelper!.WriteLine(string.Join('\n',
            counts.Select(count => $"{count.Key,-32} refused {count.Value.Refused,7:N0}  read {count.Value.Read,7:N0}")));
        Assert.True(failures.Count == 0, string.Join('\n', failures));
    }

    // One to three wounds: bits, bytes, a cut, an insertion, a repeated block, a number as large as can be.
    static byte[] Damage(byte[] good, Random random)
    {
        var content = good.ToList();
        for (var wounds = random.Next(1, 4); wounds > 0 && content.Count > 0; wounds--)
        {
            var at = random.Next(4) == 0 ? random.Next(Math.Min(64, content.Count)) : random.Next(content.Count);
            var length = Math.Min(random.Next(1, 40), content.Count - at);
            switch (random.Next(8))
            {
                case 0:
                    content[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    content[at] = (byte)random.Next(256);
                    break;
                case 2:
                    content.RemoveRange(at, content.Count - at);
                    break;
                case 3:
                    content.RemoveRange(at, length);
                    break;
                case 4:
                    var junk = new byte[random.Next(1, 40)];
                    random.NextBytes(junk);
                    content.InsertRange(at, junk);
                    break;
                case 5:
                    content.InsertRange(random.Next(content.Count), content.GetRange(at, length));
                    break;
                case 6:
                    for (var i = at; i < Math.Min(at + 4, content.Count); i++)
                        content[i] = 0xff;
                    break;
                default:
                    for (var i = at; i < Math.Min(at + 4, content.Count); i++)
                        content[i] = (byte)(i == at + 3 ? 0x7f : random.Next(256));
                    break;
            }
        }

        return [.. content];
    }
}
