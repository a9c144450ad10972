using VBiLstm.Configuration;
using VBiLstm.Data;

namespace VBiLstm.Tests.Configuration;

public class NamesAndNumbersTests
{
    [Theory]
    [InlineData("0,5")]
    [InlineData("1,000")]
    [InlineData("1 000")]
    [InlineData("")]
    [InlineData("1e999")]
    [InlineData("NaN")]
    [InlineData("Infinity")]
    [InlineData("0x10")]
    [InlineData("١")]
    public void A_text_that_is_no_english_number_is_none(string text)
    {
        Assert.False(NumberText.TryParse<double>(text, out _));
        Assert.False(NumberText.TryParse<int>(text, out _));
        Assert.False(NumberText.TryParse<long>(text, out _));
    }

    [Fact]
    public void Numbers_are_read_whatever_the_language()
    {
        Assert.True(NumberText.TryParse<double>("-1.5e-3", out var real) && real == -0.0015);
        Assert.True(NumberText.TryParse<int>("-7", out var whole) && whole == -7);
        Assert.False(NumberText.TryParse<int>("2147483648", out _));
        Assert.False(NumberText.TryParse<int>("1.0", out _));
        Assert.True(NumberText.TryParse<long>("2147483648", out var large) && large == 2147483648);
    }

    [Theory]
    [InlineData("")]
    [InlineData(null)]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("../up")]
    [InlineData("a/b")]
    [InlineData("a\\b")]
    [InlineData("C:")]
    [InlineData("-rf")]
    [InlineData(".hidden")]
    [InlineData("end.")]
    [InlineData("end ")]
    [InlineData("a\nb")]
    [InlineData("a\u001b[2J")]
    [InlineData("a\u202eb")]
    [InlineData("con")]
    [InlineData("NUL.txt")]
    [InlineData("aux .txt")]
    [InlineData("com1")]
    [InlineData("a*b")]
    [InlineData("a?b")]
    public void A_name_that_could_leave_its_folder_is_refused(string? name)
        => Assert.Contains("some field", Assert.Throws<ConfigurationException>(() => FolderName.Check("some field", name)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData('a', 100)]
    [InlineData('ö', 100)]
    [InlineData('名', 66)]
    public void The_longest_names_become_folders_and_longer_ones_are_refused(char letter, int longest)
    {
        using var folder = new TemporaryFolder();
        var name = new string(letter, longest);
        FolderName.Check("--run", name);
        File.WriteAllText(Path.Combine(Directory.CreateDirectory(folder.At(name)).FullName, name + ".partial"), "");

        Assert.Throws<ConfigurationException>(() => FolderName.Check("--run", name + letter));
    }

    [Theory]
    [InlineData("digits-1")]
    [InlineData("my run")]
    [InlineData("Größe_0.5")]
    [InlineData("名前")]
    public void Plain_names_are_taken(string name) => FolderName.Check("--run", name);

    [Fact]
    public void A_preset_from_a_file_must_exist()
        => Assert.Contains("There is no preset ../up", Assert.Throws<ConfigurationException>((new RunConfiguration { Preset = "../up" }).Validate).Message,
            StringComparison.Ordinal);

    [Fact]
    public void Products_of_sizes_are_refused_before_anything_is_allocated()
    {
        var message = Assert.Throws<ConfigurationException>(() => new SequenceBatch(1_000_000, 1 << 16, 28)).Message;
        Assert.Contains("training.batch_size", message, StringComparison.Ordinal);
        Assert.Throws<ConfigurationException>(() => SequenceBatch.CheckSize(int.MaxValue, 1, 0));
        SequenceBatch.CheckSize(1000, 64, 200);
    }
}
