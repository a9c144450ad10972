using VBiLstm.Cuda.Interop;
using VBiLstm.Devices;

namespace VBiLstm.Cuda;

/// <summary>
/// Operations that become one graph. The first replay calls them one by one, because cuBLAS and cuDNN choose their kernels and allocate at first use, which a
/// capture forbids; the second captures them; every later one is a single launch.
/// </summary>
/// <param name="context">Of the stream.</param>
/// <param name="stream">What runs them.</param>
/// <param name="operations">Put them on the stream.</param>
/// <param name="beginsOrEnds">Called before and after them: a graph begins when all before it has ended, and what follows it begins when it has.</param>
/// <param name="ended">Called when this is disposed.</param>
sealed class RecordedGraph(CudaContext context, nint stream, Action operations, Action beginsOrEnds, Action<RecordedGraph> ended) : Recording
{
    nint _executable;
    bool _warm;

    /// <summary>Nodes of the captured graph that are kernels; 0 before the capture.</summary>
    public int KernelNodes { get; private set; }

    /// <summary>All nodes of the captured graph; 0 before the capture.</summary>
    public int Nodes { get; private set; }

    public override void Replay()
    {
        context.Bind();
        beginsOrEnds();
        if (!_warm)
        {
            operations();
            _warm = true;
            return;
        }

        if (_executable == 0)
        {
            lock (context.Gate)
                Capture();
        }

        CudaStatus.Check(CudaDriver.GraphLaunch(_executable, stream), "cuGraphLaunch", "launching a step's graph");
        beginsOrEnds();
    }

    void Capture()
    {
        // Only this thread's calls are forbidden meanwhile: a finaliser may free memory on another.
        CudaStatus.Check(CudaDriver.StreamBeginCapture(stream, CaptureMode.ThreadLocal), "cuStreamBeginCapture", "capturing a step");
        nint graph;
        try
        {
            operations();
        }
        catch
        {
            if (CudaDriver.StreamEndCapture(stream, out graph) == CudaResult.Success)
                _ = CudaDriver.GraphDestroy(graph);
            throw;
        }

        CudaStatus.Check(CudaDriver.StreamEndCapture(stream, out graph), "cuStreamEndCapture", "capturing a step");
        try
        {
            Count(graph);
            CudaStatus.Check(CudaDriver.GraphInstantiate(out _executable, graph, GraphInstantiateFlags.UseNodePriority), "cuGraphInstantiateWithFlags",
                $"preparing a step's graph of {Nodes} nodes");
            CudaStatus.Check(CudaDriver.GraphUpload(_executable, stream), "cuGraphUpload", "uploading a step's graph");
        }
        finally
        {
            _ = CudaDriver.GraphDestroy(graph);
        }
    }

    void Count(nint graph)
    {
        nuint count = 0;
        CudaStatus.Check(CudaDriver.GraphGetNodes(graph, null, ref count), "cuGraphGetNodes", "counting a graph's nodes");
        var nodes = new nint[count];
        CudaStatus.Check(CudaDriver.GraphGetNodes(graph, nodes, ref count), "cuGraphGetNodes", "counting a graph's nodes");
        (Nodes, KernelNodes) = (nodes.Length, 0);
        foreach (var node in nodes)
        {
            CudaStatus.Check(CudaDriver.GraphNodeGetType(node, out var type), "cuGraphNodeGetType", "counting a graph's nodes");
            KernelNodes += type == GraphNodeType.Kernel ? 1 : 0;
        }
    }

    /// <summary>Gives the graph back; the next replay captures it anew.</summary>
    public void Forget()
    {
        if (_executable != 0)
            _ = CudaDriver.GraphExecDestroy(_executable);
        _executable = 0;
    }

    protected override void Dispose(bool disposing)
    {
        if (context.TryBind())
            Forget();
        ended(this);
    }
}
