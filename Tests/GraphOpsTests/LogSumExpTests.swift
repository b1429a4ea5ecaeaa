import Foundation
import GraphIR
import GraphOps
import Runtime
import Testing

/// Where one term outweighs all others, ln Σ e^x keeps its digits: it is log1p of the others' sum.
@Suite struct LogSumExpTests {
  /// How far the others lie below the largest, 0: their sum is below an ulp of 1 in the end.
  private static let depths = [1.0, 7, 20, 36, 40, 100, 700]

  /// Down columns and along lines; `others` of them, which makes full lanes and tails.
  @Test(arguments: depths, [1, 7, 8, 33])
  func smallLogarithmsKeepTheirDigits(depth: Double, others: Int) throws {
    let line = (0...others).map { $0 == others / 2 ? 0 : -depth }
    let exact = Foundation.log1p(Double(others) * Foundation.exp(-depth))
    for isColumn in [false, true] {
      let width = 3
      let shape = isColumn ? [others + 1, width] : [width, others + 1]
      let values =
        shape[0] == width && !isColumn
        ? (0..<width).flatMap { _ in line }
        : line.flatMap { x in (0..<width).map { _ in x } }
      let axis = isColumn ? 0 : 1
      let array = NDArray(values, shape: shape)
      let type = ValueType(.f64, sizes: shape)
      let total = try OneOpGraph(.logsumexp, OpCase([type], ["axes": .ints([axis])]))
      let sums = try #require(try total.run([array]).output("y")).doubles
      let wanted = try #require(try total.reference([array])).values
      let normal = try OneOpGraph(.logSoftmax, OpCase([type], ["axis": .int(axis)]))
      let logs = try #require(try normal.run([array]).output("y")).doubles
      let reference = try #require(try normal.reference([array])).values
      for value in sums + wanted { #expect(Self.isNear(value, exact), "\(value), not \(exact)") }
      let largest = values.indices.filter { values[$0] == 0 }
      for index in largest {
        #expect(Self.isNear(logs[index], -exact), "\(logs[index]), not \(-exact)")
        #expect(Self.isNear(reference[index], -exact), "\(reference[index]), not \(-exact)")
      }
    }
  }

  /// So does what is built of them.
  @Test(arguments: depths) func whatIsBuiltOfThemKeepsThem(depth: Double) throws {
    let line = [-depth, 0, -1.5 * depth]
    let exact = Foundation.log1p(Foundation.exp(-depth) + Foundation.exp(-1.5 * depth))
    let type = ValueType(.f64, [3])
    let choice = NDArray([0.0, 1, 0], shape: [3])
    let density = try OneOpGraph(.categoricalLogProb, OpCase([type, type]))
    let found = try #require(try density.reference([choice, NDArray(line, shape: [3])])).values
    #expect(Self.isNear(found[0], -exact), "\(found), not \(-exact)")
    // From a prior that knows nothing: ln 3 less the entropy.
    let divergence = try OneOpGraph(.klCategorical, OpCase([type, type]))
    let flat = NDArray([0.0, 0, 0], shape: [3])
    let kl = try #require(try divergence.reference([NDArray(line, shape: [3]), flat])).values
    let weights = line.map { Foundation.exp($0 - exact) }
    let entropy = zip(weights, line).reduce(0) { $0 - $1.0 * ($1.1 - exact) }
    #expect(abs(kl[0] - (Foundation.log(3) - entropy)) <= 8 * Double(1).ulp, "\(kl)")
  }

  /// Ties at the top are all counted.
  @Test func tiesAreCounted() throws {
    let array = NDArray([2.0, 2, 2, -1], shape: [4])
    let graph = try OneOpGraph(.logsumexp, OpCase([ValueType(.f64, [4])]))
    let exact = 2 + Foundation.log(3 + Foundation.exp(-3.0))
    let got = try #require(try graph.run([array]).output("y")).doubles
    #expect(abs(got[0] - exact) <= 2 * exact.ulp, "\(got), not \(exact)")
  }

  private static func isNear(_ got: Double, _ exact: Double) -> Bool {
    abs(got - exact) <= 8 * exact.ulp
  }
}
