using VBiLstm.Configuration;

namespace VBiLstm.Tests.Structure;

/// <summary>Namespaces of the library depend on each other in one direction: who reads one need not read it all.</summary>
public class NamespaceTests
{
    const string Model = "VBiLstm.Model";

    [Fact]
    public void No_namespaces_name_each_other_in_circles()
    {
        var references = new AssemblyContents(typeof(RunConfiguration).Assembly).References.Where(reference => Of(reference.From) != Of(reference.To)).ToList();
        Assert.NotEmpty(references);
        var reachable = Reachable(references.Select(reference => (Of(reference.From), Of(reference.To))).ToHashSet());
        var circles = references.Where(reference => reachable.Contains((Of(reference.To), Of(reference.From))))
            .Select(reference => $"{Of(reference.From)} -> {Of(reference.To)}: {reference.From.Name} names {reference.To.Name}").Order().ToList();
        Assert.True(circles.Count == 0, "Of each circle, move a type to where what names it lies, "
            + $"or turn what it needs into an argument:\n{string.Join('\n', circles)}");
    }

    // A step runs a model, whose parts know the step's frame: to the others the folders of Model are one.
    static string Of(Type type) => type.Namespace!.StartsWith(Model + ".", StringComparison.Ordinal) ? Model : type.Namespace;

    /// <summary>The transitive closure: all pairs of which the second can be reached from the first.</summary>
    static HashSet<(string From, string To)> Reachable(HashSet<(string From, string To)> edges)
    {
        var names = edges.SelectMany(edge => new[] { edge.From, edge.To }).Distinct().ToList();
        var reachable = edges.ToHashSet();
        foreach (var through in names)
            foreach (var from in names.Where(from => reachable.Contains((from, through))))
                foreach (var to in names.Where(to => reachable.Contains((through, to))))
                    reachable.Add((from, to));
        return reachable;
    }
}
