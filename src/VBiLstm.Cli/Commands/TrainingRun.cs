using VBiLstm.Checkpoints;
using VBiLstm.Cli.Display;
using VBiLstm.Cli.Execution;
using VBiLstm.Cli.Images;
using VBiLstm.Cli.Reports;
using VBiLstm.Configuration;
using VBiLstm.Cuda;
using VBiLstm.Data;
using VBiLstm.Devices;
using VBiLstm.Distributed;
using VBiLstm.Evaluation;
using VBiLstm.Metrics;
using VBiLstm.Model;
using VBiLstm.Model.Models;
using VBiLstm.Runs;
using VBiLstm.Training;

namespace VBiLstm.Cli.Commands;

/// <summary>A training from its header to the figures and pictures of its best checkpoint.</summary>
static class TrainingRun
{
    const int SampleRows = 8, SampleColumns = 16;

    // The first rank has the folder and what it owns; the others know where it is.
    public static int Run(RunConfiguration configuration, DataSplits data, Device device, RunFolder? own, Checkpoint? checkpoint, RunOwner? owner,
        RankSession session, ProfiledSteps? profiled, Func<Trainer, RunFolder, int> whenComplete)
    {
        var path = session.Ranks.First(own?.Path);
        var folder = own ?? new RunFolder(path!);
        using (var trainer = session.Together(() => new Trainer(configuration, data, device, session.IsFirst ? folder : null, checkpoint, owner)))
        {
            if (session.FirstSays(() => trainer.IsComplete))
                return session.Together(() => whenComplete(trainer, folder));
            if (session.IsFirst && trainer.State.Step > 0 && CheckpointFolder.StepOf(folder.Last) is { } last && last > trainer.State.Step)
                Warning.Print($"{folder.Last} is of step {last}; it will be replaced as the run goes on from step {trainer.State.Step}.");
            if (session.IsFirst && checkpoint?.State.Configuration.Training.Shards is { } before && before != configuration.Training.Shards)
                Warning.Print($"training.shards was {before} and is {configuration.Training.Shards} from here on: the last digits are others.");
            bool isComplete;
            using (profiled?.Attach(trainer, (CudaDevice)device))
                isComplete = Train(trainer, data, device, folder, session);
            device.Join(Communicator.Alone);
            if (!isComplete)
                return CommandExecution.Interrupted;
        }

        return Finish(data, device, folder, session);
    }

    // False where it was interrupted.
    static bool Train(Trainer trainer, DataSplits data, Device device, RunFolder folder, RankSession session)
    {
        if (!session.IsFirst)
            return trainer.Run(cancellation: session.Cancellation) != TrainingOutcome.Interrupted;
        PrintHeader(trainer, data, device, folder);
        if (session.Describe() is { } ranks)
            Console.WriteLine($"ranks   {ranks}");
        TrainingOutcome outcome;
        void DrawCurves() => Pictures.Write(folder.Curves, path => CurvesImage.Write(path, MetricsLog.Read(folder.Metrics)));
        try
        {
            outcome = TrainingDisplay.Run(trainer, device, DrawCurves, session.Cancellation);
        }
        catch (Exception e) when (e is DeviceException or InsufficientMemoryException or IOException or UnauthorizedAccessException or DataException)
        {
            var advice = HowToGoOn(folder);
            throw e switch
            {
                RanksDisagreeException => new RanksDisagreeException($"{e.Message} {advice}.", e),
                DeviceException or InsufficientMemoryException => new DeviceException($"{e.Message} {advice} --device cpu, or on any other device.", e),
                DataException => new DataException($"{e.Message} {advice}.", e),
                _ => new IOException($"{e.Message} {advice}.", e),
            };
        }
        finally
        {
            DrawCurves();
        }

        if (outcome == TrainingOutcome.Interrupted)
        {
            Console.WriteLine($"Interrupted after step {trainer.State.Step:N0}; saved. Continue with: vbilstm train --resume {ShellText.Quote(folder.Path)}");
            return false;
        }

        if (outcome == TrainingOutcome.StoppedEarly)
            Console.WriteLine($"Stopped early: no better validation bound in {trainer.State.Configuration.Training.EarlyStop} evaluations.");
        return true;
    }

    static string HowToGoOn(RunFolder folder)
    {
        try
        {
            return folder.ReadNewest(_ => { }) is { } checkpoint
                ? $"{checkpoint.Folder} (step {checkpoint.State.Step:N0}) is whole; go on with: vbilstm train --resume {ShellText.Quote(folder.Path)}"
                : $"The run has no checkpoint yet; begin it again with: vbilstm train --resume {ShellText.Quote(folder.Path)}";
        }
        catch (CheckpointException damaged)
        {
            return $"No checkpoint of the run is whole: {damaged.Message}";
        }
    }

    static void PrintHeader(Trainer trainer, DataSplits data, Device device, RunFolder folder)
    {
        var configuration = trainer.State.Configuration;
        var model = configuration.Model;
        Console.WriteLine($"model   {Names.Describe(model)}, {trainer.Parameters.Layout.Count:N0} parameters");
        Console.WriteLine($"data    {data.Description}");
        Console.WriteLine($"device  {device.Name}, {trainer.Bytes / 1e6:N0} MB for parameters and activations");
        var continued = trainer.State.Step > 0 ? $" (continuing after step {trainer.State.Step:N0})" : "";
        Console.WriteLine($"run     {folder.Path}, {trainer.TotalSteps:N0} steps of {configuration.Training.BatchSize} sequences"
            + $"{Names.InShards(configuration.Training)}, seed {configuration.Seed}{continued}");
    }

    // What becomes of a run with nothing left to do.
    public static int Say(Trainer trainer, RunFolder folder)
    {
        Console.WriteLine($"{folder.Path} is finished: {Finished(trainer.State, trainer.TotalSteps)}. Score it with: "
            + $"vbilstm evaluate {ShellText.Quote(folder.Path)}");
        return CommandExecution.Success;
    }

    public static int Refuse(Trainer trainer, RunFolder folder)
        => throw new ConfigurationException($"{folder.Path} {Finished(trainer.State, trainer.TotalSteps)}; "
            + $"give more with {(trainer.State.StoppedEarly ? "--set training.early_stop=0" : "--steps")}.");

    static string Finished(TrainingState state, long totalSteps)
        => state.StoppedEarly
            ? $"stopped early after step {state.Step:N0}, having found nothing better since step {state.BestStep:N0}"
            : $"has done all of its {totalSteps:N0} steps";

    // The figures, which the ranks share out, and the pictures of the best checkpoint.
    static int Finish(DataSplits data, Device device, RunFolder folder, RankSession session)
    {
        var checkpoint = session.CheckpointFromFirst(() => TrainedModel.Read(folder.Path, withMoments: false))!;
        using var best = session.Together(() => new TrainedModel(checkpoint, device, session.Ranks));
        var (configuration, model) = (best.Configuration, best.Configuration.Model);
        var again = $"vbilstm evaluate {ShellText.Quote(folder.Path)}";
        try
        {
            var result = WorkDisplay.Run(report => best.Posterior(data.Test, data.EvaluationBatchSize(data.Test, configuration.Training.BatchSize),
                progress: share => report("scoring test", share), cancellation: session.Cancellation));
            EvaluationTables.Print($"Test, {best.Checkpoint.Folder} (step {best.Checkpoint.State.Step:N0})", result, model, data.Test);
        }
        catch (OperationCanceledException)
        {
            Console.WriteLine($"Interrupted; the training is complete and saved. Score it with: {again}");
            return CommandExecution.Interrupted;
        }

        if (session.IsFirst && data.Test is ImageDataset images && !SequenceModel.Of(model).ReadsFuture)
            DrawSamples(best, images, device, folder);
        Console.WriteLine($"curves  {folder.Curves}");
        Console.WriteLine($"again   {again}{(data.Test.CarriesState ? "" : " --importance-samples 50")}");
        return CommandExecution.Success;
    }

    static void DrawSamples(TrainedModel best, ImageDataset images, Device device, RunFolder folder)
    {
        using var prior = new PriorMode(device, best.Parameters, SampleRows * SampleColumns, sampled: true);
        var drawn = Generation.Frames(prior, best.Configuration.Model, images.MaximumLength, best.Configuration.Seed);
        var sheet = SampleSheet.Of(drawn, images.Height, images.Width, SampleColumns);
        using (var board = new TensorBoardLog(folder.Path, null, Warning.Print))
            board.Picture("samples", best.Checkpoint.State.Step, sheet.Png(), sheet.Height, sheet.Width);
        if (Pictures.Write(folder.Samples, sheet.WritePng))
            Console.WriteLine($"samples {folder.Samples}");
    }
}
