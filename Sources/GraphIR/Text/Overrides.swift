/// What the command line sets instead of what a text says: `--dim Z=2`, `--const beta=4`.
public struct Overrides: Sendable {
  public var dims: [String: Int]
  public var consts: [String: Scalar]

  public init(dims: [String: Int] = [:], consts: [String: Scalar] = [:]) {
    self.dims = dims
    self.consts = consts
  }
}
