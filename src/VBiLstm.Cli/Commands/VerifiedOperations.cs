using Spectre.Console;
using VBiLstm.Cli.Execution;
using VBiLstm.Cli.Reports;
using VBiLstm.Configuration;
using VBiLstm.Devices;
using VBiLstm.Model;
using VBiLstm.Verification;
using VBiLstm.Verification.Operations;

namespace VBiLstm.Cli.Commands;

/// <summary>
/// <c>vbilstm verify</c> of a device that rounds the operands of products: judged operation by operation, and beside it how far whole steps are from float32.
/// </summary>
static class VerifiedOperations
{
    public static int Run(Device reference, Device device, RunConfiguration configuration, int timeSteps, int steps, bool asJson,
        CancellationToken cancellation)
    {
        var operations = OperationComparison.Run(reference, device, configuration, timeSteps, steps, cancellation: cancellation);
        var whole = DeviceComparison.Run(reference, device, configuration, timeSteps, steps, ComparisonTolerances.Bf16, cancellation);
        var distances = whole.Tensors.Where(tensor => tensor.Verdict != Verdict.NotKept && tensor.Stage > ComparisonStage.Noise)
            .GroupBy(tensor => tensor.Stage).Select(stage => stage.MaxBy(tensor => tensor.RelativeL2)!).ToList();
        var disagreeing = operations.Where(operation => !operation.Agrees).ToList();
        if (asJson)
            PrintJson(device, reference, steps, operations, distances);
        else
            Print(device, reference, configuration, timeSteps, steps, operations, disagreeing, distances);
        return disagreeing.Count == 0 ? CommandExecution.Success : CommandExecution.Failure;
    }

    static void Print(Device device, Device reference, RunConfiguration configuration, int timeSteps, int steps,
        IReadOnlyCollection<OperationDifference> operations, List<OperationDifference> disagreeing, List<TensorDifference> distances)
    {
        Console.WriteLine($"device {device.Name}, reference {reference.Name}, {steps} steps, B {configuration.Training.ShardSize}, T {timeSteps}");
        Console.WriteLine("Every operation from the device's own operands, those of products rounded as the device rounds them:");
        var table = new Table { Border = TableBorder.Simple };
        table.AddColumns("phase", "operation", "tensor", "calls", "elements", "error", "tolerance");
        foreach (var column in table.Columns)
            column.NoWrap();
        foreach (var column in table.Columns.Skip(3))
            column.RightAligned();
        foreach (var operation in operations)
        {
            string[] cells =
            [
                operation.Phase.Describe(), operation.Operation, operation.Tensor, $"{operation.Calls:N0}", $"{operation.Elements:N0}",
                (operation.Agrees ? "" : "!! ") + VerifyCommand.Number(operation.Error), VerifyCommand.Number(operation.Tolerance),
            ];
            table.AddRow([.. cells.Select(cell => new Text(cell, operation.Agrees ? Style.Plain : new Style(Color.Red)))]);
        }

        Tables.Write(table);
        Console.WriteLine("Distance of whole steps from float32, ‖a − b‖ / ‖a‖ of the farthest tensor (not judged: it is what the precision costs):");
        foreach (var tensor in distances)
            Console.WriteLine($"  {Describe(tensor.Stage, steps),-40} {VerifyCommand.Number(tensor.RelativeL2)} ({tensor.Name})");
        if (disagreeing.Count == 0)
        {
            var worst = operations.MaxBy(operation => operation.Error)!;
            Console.WriteLine($"agree: {operations.Count:N0} tensors of operations, the worst ({worst.Operation}, {worst.Tensor}) "
                + VerifyCommand.Number(worst.Error));
            return;
        }

        var first = disagreeing[0];
        Console.WriteLine($"DISAGREE: {disagreeing.Count:N0} tensors of operations; the first is {first.Tensor} of {first.Operation} "
            + $"({first.Phase.Describe()}), call {first.Worst[0] + 1}, at [{first.Worst[1]}, {first.Worst[2]}]: {first.WorstValues.Device:R} "
            + $"instead of {first.WorstValues.Reference:R}");
    }

    static string Describe(ComparisonStage stage, int steps) => stage switch
    {
        ComparisonStage.Forward => "activations and losses of the first step",
        ComparisonStage.Backward => "gradients of the first step",
        ComparisonStage.FirstUpdate => "what the first step changed",
        _ => $"what {steps} steps changed",
    };

    static void PrintJson(Device device, Device reference, int steps, IReadOnlyCollection<OperationDifference> operations, List<TensorDifference> distances)
        => JsonOutput.Write(json =>
        {
            json.WriteString("device", device.Name);
            json.WriteString("reference", reference.Name);
            json.WriteBoolean("agrees", operations.All(operation => operation.Agrees));
            json.WriteNumber("steps", steps);
            json.WriteStartArray("operations");
            foreach (var operation in operations)
            {
                json.WriteStartObject();
                json.WriteString("phase", operation.Phase.ToString());
                json.WriteString("operation", operation.Operation);
                json.WriteString("tensor", operation.Tensor);
                json.WriteNumber("calls", operation.Calls);
                json.WriteNumber("elements", operation.Elements);
                JsonOutput.WriteFinite(json, "error", operation.Error);
                json.WriteNumber("tolerance", operation.Tolerance);
                json.WriteBoolean("agrees", operation.Agrees);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteStartArray("distance_to_float32");
            foreach (var tensor in distances)
            {
                json.WriteStartObject();
                json.WriteString("stage", tensor.Stage.ToString());
                json.WriteString("tensor", tensor.Name);
                JsonOutput.WriteFinite(json, "relative_l2", tensor.RelativeL2);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        });
}
