namespace VBiLstm.Devices;

/// <summary>What reads a tensor, and so which forms of it a device keeps that rounds the operands of products.</summary>
enum Readers
{
    /// <summary>Element-wise operations, reductions and the host: float32.</summary>
    Operations,

    /// <summary>These and products: float32, and the operand beside it.</summary>
    All,

    /// <summary>Products alone: the operand. Read back, it is float32 again, rounded.</summary>
    Products,
}
