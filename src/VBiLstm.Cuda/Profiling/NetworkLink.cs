using VBiLstm.Configuration;

namespace VBiLstm.Cuda.Profiling;

/// <summary>What joins nodes: the network card that each GPU has to itself.</summary>
/// <param name="Name">As given to <c>--network</c>.</param>
/// <param name="Product">What it is called.</param>
/// <param name="GigabytesPerSecond">Line rate of a card in one direction.</param>
sealed record NetworkLink(string Name, string Product, double GigabytesPerSecond)
{
    // An eighth of the Gb/s in the name: InfiniBand's roadmap (IBTA: EDR 100, HDR 200, NDR 400, XDR 800 on four lanes), IEEE 802.3by, ba, bs and df
    // for Ethernet of 25, 100, 200 to 400 and 800 Gb/s, and HPE's data sheet of Slingshot (200 Gb/s a port).
    public static IReadOnlyList<NetworkLink> All { get; } =
    [
        new("ib-800", "InfiniBand XDR", 100),
        new("ib-400", "InfiniBand NDR", 50),
        new("ib-200", "InfiniBand HDR", 25),
        new("ib-100", "InfiniBand EDR", 12.5),
        new("slingshot-200", "HPE Slingshot", 25),
        new("ethernet-400", "400 Gb/s Ethernet", 50),
        new("ethernet-200", "200 Gb/s Ethernet", 25),
        new("ethernet-100", "100 Gb/s Ethernet", 12.5),
        new("ethernet-25", "25 Gb/s Ethernet", 3.125),
        new("ethernet-10", "10 Gb/s Ethernet", 1.25),
    ];

    /// <summary>The network of that name. Throws <see cref="ConfigurationException"/> naming the nearest one.</summary>
    public static NetworkLink Get(string name) => All.FirstOrDefault(network => network.Name == name)
        ?? throw new ConfigurationException($"--network is '{name}', which is not in the table; did you mean "
            + $"{NearestName.Of(name, All.Select(network => network.Name))}? Networks: {string.Join(", ", All.Select(network => network.Name))}.");
}
