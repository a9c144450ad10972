using System.ComponentModel;
using System.Reflection;
using System.Xml.Linq;
using VBiLstm.Configuration;

namespace VBiLstm.Tests.Structure;

/// <summary>What users of the package VBiLstm see: no more than was approved, and all of it documented.</summary>
public class PublicInterfaceTests
{
    [Fact]
    public void It_is_what_was_approved() => ApprovedInterface.Check(typeof(RunConfiguration).Assembly, "VBiLstm");

    [Fact]
    public void What_is_new_and_what_is_gone_is_named()
    {
        using var folder = new TemporaryFolder();
        var file = folder.At("approved.txt");
        File.WriteAllText(file, "namespace N\n{\n    public class A\n    {\n        public int Kept { get; }\n        public int Gone { get; }\n    }\n}\n");
        var error = Record.Exception(() => ApprovedInterface.Check(
            "namespace N\n{\n    public class A\n    {\n        public int Kept { get; }\n        public int New { get; }\n    }\n}\n", file));
        Assert.Contains("- N: public class A: public int Gone { get; }", error!.Message, StringComparison.Ordinal);
        Assert.Contains("+ N: public class A: public int New { get; }", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("Kept", error.Message, StringComparison.Ordinal);
        Assert.Contains("VBILSTM_APPROVE=1", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(typeof(RunConfiguration))]
    [InlineData(typeof(ModelConfiguration))]
    [InlineData(typeof(TrainingConfiguration))]
    [InlineData(typeof(DataConfiguration))]
    public void Editors_say_of_a_key_what_the_command_says(Type section)
    {
        var documented = XDocument.Load(Path.ChangeExtension(section.Assembly.Location, ".xml")).Descendants("member")
            .ToDictionary(member => member.Attribute("name")!.Value, member => member.Element("summary")?.Value ?? "");
        var keys = section.GetProperties().Select(property => (property.Name, property.GetCustomAttribute<DescriptionAttribute>()?.Description))
            .Where(key => key.Description is not null).ToList();
        Assert.NotEmpty(keys);
        Assert.All(keys, key => Assert.Equal(key.Description,
            string.Join(' ', documented[$"P:{section.FullName}.{key.Name}"].Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))));
    }
}
