using VBiLstm.Configuration;

namespace VBiLstm.Tests.Structure;

/// <summary>The library's messages speak of itself: neither of options of a command that uses it nor of libraries of one kind of device.</summary>
public class TextTests
{
    [Theory]
    [InlineData("--")]
    [InlineData("CUDA")]
    [InlineData("cuDNN")]
    public void No_text_of_the_library_names(string foreign)
    {
        var texts = new AssemblyContents(typeof(RunConfiguration).Assembly).Texts;
        Assert.Contains(texts, text => text.Text.Contains("training.batch_size", StringComparison.Ordinal));
        var found = texts.Where(text => text.Text.Contains(foreign, StringComparison.OrdinalIgnoreCase)).Select(text => $"{text.Type.FullName}: {text.Text}")
            .ToList();
        Assert.True(found.Count == 0, $"State the fact; who uses the library adds its options (ConfigurationException.Settings):\n{string.Join('\n', found)}");
    }
}
