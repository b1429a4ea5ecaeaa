import Ayatori
import GraphIR
import Runtime

/// Hands batches of a data set to a bound program: the first by filling its inputs, each further
/// one while the run before it goes on, on threads that have nothing else to do.
///
/// Pixels go from the bytes of the set straight into the program's memory, as floats.
final class BatchFeeder {
  private let inputs: DataInputs
  private let dataSet: DataSet
  private let split: DataSet.Split
  private let bound: BoundProgram
  private let work: Work
  private let refillsAhead: Bool

  /// The rows that the run under way is to leave in the inputs.
  private final class Work: @unchecked Sendable {
    // Changes between runs only.
    var next: ArraySlice<Int> = []
  }

  /// What the inputs hold.
  private var held: ArraySlice<Int> = []

  /// Rows of a batch that one thread converts at a time.
  private static let rowsPerUnit = 8

  var program: BoundProgram { bound }

  /// Binds `program` for batches of that many rows. Throws as binding does.
  init(
    _ program: Program, _ inputs: DataInputs, batch: Int, of split: DataSet.Split,
    in dataSet: DataSet, state: StateStore, seed: UInt64
  ) throws(Diagnostic) {
    self.inputs = inputs
    self.dataSet = dataSet
    self.split = split
    let work = Work()
    self.work = work
    let units = (batch + BatchFeeder.rowsPerUnit - 1) / BatchFeeder.rowsPerUnit
    let names = [inputs.images.label] + (inputs.labels.map { [$0.label] } ?? [])
    // What is handed back must last beyond the run.
    refillsAhead = !names.contains(where: program.handsBack)
    let refills =
      !refillsAhead
      ? []
      : names.map { name in
        BoundProgram.Refill(name, units: units) { range, buffer in
          let rows = work.next
          let first = range.lowerBound * BatchFeeder.rowsPerUnit
          let last = min(rows.count, range.upperBound * BatchFeeder.rowsPerUnit)
          guard first < last else { return }
          inputs.fill(
            buffer, of: name, from: split, of: dataSet,
            rows: rows[(rows.startIndex + first)..<(rows.startIndex + last)], at: first)
        }
      }
    bound = try BoundProgram(
      program, sizes: [inputs.batch: batch], state: state, seed: seed, refilling: refills)
  }

  /// Runs the program on `rows`; `next` are the rows of the run after it, if that is known. Throws
  /// as running does.
  func run(
    _ rows: ArraySlice<Int>, next: ArraySlice<Int> = [], step: UInt64
  ) throws(Diagnostic) {
    if held != rows { inputs.fill(bound, from: split, of: dataSet, rows: rows) }
    // A batch of another size goes to another program.
    work.next = refillsAhead && next.count == rows.count ? next : []
    try bound.run(step: step)
    held = refillsAhead && work.next.isEmpty ? rows : work.next
  }
}
