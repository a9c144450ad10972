using System.Runtime.InteropServices;
using VBiLstm.Cli.Execution;

namespace VBiLstm.Cli.Tests;

/// <summary>What a closed console and an end of the machine leave time for, as far as it can be seen without Windows.</summary>
public class InterruptionTests
{
    static readonly TimeSpan Limit = TimeSpan.FromMinutes(1); // against hanging only

    [Theory]
    [InlineData(PosixSignal.SIGHUP)] // Windows: the console is closed
    [InlineData(PosixSignal.SIGTERM)] // Windows: the machine shuts down
    public async Task Where_the_process_ends_with_the_handler_it_returns_after_the_save(PosixSignal signal)
    {
        var interruption = new Interruption(null, endsOnReturn: true);
        var returned = false;
        var handler = new Thread(() =>
        {
            interruption.Handle(new PosixSignalContext(signal));
            Volatile.Write(ref returned, true);
        });
        handler.Start();
        Assert.True(interruption.Token.WaitHandle.WaitOne(Limit));
        await Task.Delay(100, TestContext.Current.CancellationToken); // in which one that does not wait would be back
        Assert.False(Volatile.Read(ref returned));
        interruption.Dispose();
        Assert.True(handler.Join(Limit));
    }

    [Fact]
    public void Ctrl_c_ends_no_process_that_saves_until_it_comes_the_third_time()
    {
        using var interruption = new Interruption(null, endsOnReturn: true);
        foreach (var isKept in new[] { true, true, false })
        {
            var context = new PosixSignalContext(PosixSignal.SIGINT);
            interruption.Handle(context);
            Assert.Equal(isKept, context.Cancel);
            Assert.True(interruption.Token.IsCancellationRequested);
        }
    }
}
