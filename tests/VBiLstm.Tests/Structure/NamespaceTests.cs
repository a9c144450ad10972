using System.Reflection;
using VBiLstm.Configuration;

namespace VBiLstm.Tests.Structure;

/// <summary>Namespaces of the library depend on each other in one direction: who reads one need not read it all.</summary>
public class NamespaceTests
{
    [Fact]
    public void No_namespaces_name_each_other_in_circles()
    {
        var references = new AssemblyContents(typeof(RunConfiguration).Assembly).References
            .Where(reference => reference.From.Namespace != reference.To.Namespace).ToList();
        Assert.NotEmpty(references);
        var reachable = Reachable(references.Select(reference => (reference.From.Namespace!, reference.To.Namespace!)).ToHashSet());
        var circles = references.Where(reference => reachable.Contains((reference.To.Namespace!, reference.From.Namespace!)))
            .Select(reference => $"{reference.From.Namespace} -> {reference.To.Namespace}: {reference.From.Name} names {reference.To.Name}").Order().ToList();
        Assert.True(circles.Count == 0, $"Of each circle, move a type to where what names it lies, or turn what it needs into an argument:\n{string.Join('\n', circles)}");
    }

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
