import GraphIR
import GraphOps
import Testing

/// Register programs: what is combined or cut into units gives the same bits as one by one.
@Suite struct BlockProgramTests {
  /// Whether a value has an element a row, and an element a column.
  struct Extent: CaseIterable, CustomStringConvertible {
    var rows: Bool
    var columns: Bool

    static let allCases = [(true, true), (false, true), (true, false), (false, false)].map {
      Extent(rows: $0, columns: $1)
    }
    var description: String { "\(rows ? "n" : "1")x\(columns ? "m" : "1")" }
  }

  private static let arithmetic: [OpDefinition] = [.add, .sub, .mul, .div]
  private static let rows = 5
  private static let columns = 37

  private static func loop(_ op: OpDefinition) throws -> BlockLoop {
    guard case .elementwise(_, let kernel) = op.kernel else { throw NoLoop() }
    return kernel.loop([.f32, .f32], .f32)
  }

  private static func unary(_ op: OpDefinition) throws -> BlockLoop {
    guard case .elementwise(_, let kernel) = op.kernel else { throw NoLoop() }
    return kernel.loop([.f32], .f32)
  }

  private struct NoLoop: Error {}

  /// Memory that lives as long as the test needs it.
  private final class Memory {
    let base: UnsafeMutablePointer<Float>
    let count: Int

    init(_ values: [Float]) {
      count = values.count
      base = .allocate(capacity: count)
      base.initialize(from: values, count: count)
    }

    deinit { base.deallocate() }

    var values: [Float] { (0..<count).map { base[$0] } }
    var bits: [UInt32] { (0..<count).map { base[$0].bitPattern } }
  }

  private static func values(_ extent: Extent, seed: UInt64, scale: Float = 1) -> Memory {
    let count = (extent.rows ? rows : 1) * (extent.columns ? columns : 1)
    let drawn = NoiseStream(seed: seed, name: "block").values(.normal, count: count, step: 0)
    return Memory(drawn.map { scale * Float($0) })
  }

  private static func place(_ memory: Memory, _ extent: Extent) -> BlockProgram.Place {
    .memory(
      UnsafeMutableRawPointer(memory.base), .f32, stride: extent.columns ? columns : 1,
      rows: extent.rows, columns: extent.columns)
  }

  private static let whole = Extent(rows: true, columns: true)

  private static func run(_ program: BlockProgram) {
    let scratch = UnsafeMutableRawPointer.allocate(byteCount: 1 << 16, alignment: 64)
    defer { scratch.deallocate() }
    program.seal()
    program.run(0..<program.units, scratch)
    program.finish()
  }

  private static func program() -> BlockProgram {
    BlockProgram(shape: [rows, columns], split: 1, hasSums: false)
  }

  private static func register(_ index: Int) -> BlockProgram.Place {
    .register(index, of: 8_192, .f32, rows: true, columns: true)
  }

  @Test(arguments: Extent.allCases, Extent.allCases)
  func pairsAreTheSameToTheBit(a: Extent, b: Extent) throws {
    // What lies between spans rows and columns of both.
    let between = Extent(rows: a.rows || b.rows, columns: a.columns || b.columns)
    guard between.rows, between.columns else { return }
    for c in Extent.allCases {
      let (x, y, z) = (
        Self.values(a, seed: 1), Self.values(b, seed: 2), Self.values(c, seed: 3)
      )
      for first in Self.arithmetic {
        for second in Self.arithmetic {
          for isLeft in [true, false] {
            func result(_ middle: (BlockProgram) -> BlockProgram.Place) throws -> [UInt32] {
              let program = Self.program()
              let target = Self.values(Self.whole, seed: 4)
              let kept = middle(program)
              program.compute(
                try Self.loop(first), [Self.place(x, a), Self.place(y, b)], into: kept)
              let last = Self.place(z, c)
              program.compute(
                try Self.loop(second), isLeft ? [kept, last] : [last, kept],
                into: Self.place(target, Self.whole))
              Self.run(program)
              return target.bits
            }
            let together = try result { _ in Self.register(0) }
            // What is in memory is not combined.
            let memory = Self.values(Self.whole, seed: 5)
            let apart = try result { _ in Self.place(memory, Self.whole) }
            #expect(together == apart, "\(first) \(a) \(b), \(second) \(c), left: \(isLeft)")
          }
        }
      }
    }
  }

  @Test(arguments: Extent.allCases, Extent.allCases)
  func sumsOfProductsAreTheSameToTheBit(b: Extent, d: Extent) throws {
    let (x, y, z, w) = (
      Self.values(Self.whole, seed: 1), Self.values(b, seed: 2), Self.values(Self.whole, seed: 3),
      Self.values(d, seed: 4)
    )
    func result(_ places: [BlockProgram.Place]) throws -> [UInt32] {
      let program = Self.program()
      let target = Self.values(Self.whole, seed: 5)
      program.compute(
        try Self.loop(.mul), [Self.place(x, Self.whole), Self.place(y, b)], into: places[0])
      program.compute(
        try Self.loop(.mul), [Self.place(w, d), Self.place(z, Self.whole)], into: places[1])
      program.compute(try Self.loop(.add), places, into: Self.place(target, Self.whole))
      Self.run(program)
      return target.bits
    }
    let (p, q) = (Self.values(Self.whole, seed: 6), Self.values(Self.whole, seed: 7))
    #expect(
      try result([Self.register(0), Self.register(1)])
        == result([Self.place(p, Self.whole), Self.place(q, Self.whole)]))
  }

  /// The steps of Adam: √a·b + c, d − a·b / c, a·b + c²·d.
  @Test(arguments: Extent.allCases, Extent.allCases)
  func longerOnesAreTheSameToTheBit(b: Extent, d: Extent) throws {
    let (x, y, z, w) = (
      Self.values(Self.whole, seed: 1), Self.values(b, seed: 2), Self.values(Self.whole, seed: 3),
      Self.values(d, seed: 4)
    )
    let (root, square) = (try Self.unary(.sqrt), try Self.unary(.square))
    let whole = Self.whole
    func result(_ places: [BlockProgram.Place], _ which: Int) throws -> [UInt32] {
      let program = Self.program()
      let target = Self.values(whole, seed: 5)
      let end = Self.place(target, whole)
      let (a, b, c, d) = (
        Self.place(x, whole), Self.place(y, b), Self.place(z, whole), Self.place(w, d)
      )
      let (mul, add) = (try Self.loop(.mul), try Self.loop(.add))
      switch which {
      case 0:
        program.compute(root, [c], into: places[0])
        program.compute(mul, [places[0], b], into: places[1])
        program.compute(add, [places[1], d], into: end)
      case 1:
        program.compute(mul, [a, b], into: places[0])
        program.compute(try Self.loop(.div), [places[0], c], into: places[1])
        program.compute(try Self.loop(.sub), [d, places[1]], into: end)
      default:
        program.compute(mul, [a, b], into: places[0])
        program.compute(square, [c], into: places[1])
        program.compute(mul, [places[1], d], into: places[2])
        program.compute(
          add, which == 2 ? [places[0], places[2]] : [places[2], places[0]], into: end)
      }
      Self.run(program)
      return target.bits
    }
    let memory = (6..<9).map { Self.values(whole, seed: $0) }
    for which in 0..<4 {
      let together = try result((0..<3).map { Self.register($0) }, which)
      #expect(together == (try result(memory.map { Self.place($0, whole) }, which)), "\(which)")
    }
  }

  /// a·b + c·d and a·b + c²·d, of which some are subnormal.
  @Test(arguments: Extent.allCases, [false, true])
  func sumsAreFlushedToTheSameBits(extent: Extent, isSquared: Bool) throws {
    let whole = Self.whole
    let (x, y, z, w) = (
      Self.values(whole, seed: 1), Self.values(extent, seed: 2, scale: 0x1p-126),
      Self.values(whole, seed: 3), Self.values(extent, seed: 4, scale: 0x1p-126)
    )
    func result(_ places: [BlockProgram.Place]) throws -> [Float] {
      let program = Self.program()
      let target = Self.values(whole, seed: 5)
      let (a, b, c, d) = (
        Self.place(x, whole), Self.place(y, extent), Self.place(z, whole), Self.place(w, extent)
      )
      program.compute(try Self.loop(.mul), [a, b], into: places[0])
      if isSquared { program.compute(try Self.unary(.square), [c], into: places[1]) }
      program.compute(try Self.loop(.mul), [isSquared ? places[1] : c, d], into: places[2])
      program.compute(try Self.loop(.add), [places[0], places[2]], into: places[3])
      program.compute(
        try Self.unary(.flushSubnormals), [places[3]], into: Self.place(target, whole))
      Self.run(program)
      return target.values
    }
    let together = try result((0..<4).map { Self.register($0) })
    let memory = (6..<10).map { Self.values(whole, seed: $0) }
    let apart = try result(memory.map { Self.place($0, whole) })
    #expect(together.map(\.bitPattern) == apart.map(\.bitPattern))
    #expect(together.allSatisfy { !$0.isSubnormal })
    // The sums themselves lie in memory that was written on the way.
    for (sum, flushed) in zip(memory[3].values, together) {
      #expect(flushed == (sum.isSubnormal ? 0 : sum) && flushed.sign == sum.sign)
    }
    let subnormals = memory[3].values.count(where: \.isSubnormal)
    #expect(subnormals > 0 && subnormals < together.count)
  }

  /// x·y is read twice; and its register is written anew before the second time it is named.
  @Test func dont_combineWhatIsReadAgain() throws {
    let (x, y) = (Self.values(Self.whole, seed: 1), Self.values(Self.whole, seed: 2))
    let (one, two) = (Self.values(Self.whole, seed: 3), Self.values(Self.whole, seed: 4))
    let whole = Self.whole
    let program = Self.program()
    program.compute(
      try Self.loop(.mul), [Self.place(x, whole), Self.place(y, whole)], into: Self.register(0))
    program.compute(
      try Self.loop(.add), [Self.register(0), Self.place(x, whole)], into: Self.place(one, whole))
    program.compute(
      try Self.loop(.sub), [Self.register(0), Self.place(y, whole)], into: Self.place(two, whole))
    Self.run(program)
    for index in 0..<x.count {
      let product = x.base[index] * y.base[index]
      #expect(one.base[index] == product + x.base[index])
      #expect(two.base[index] == product - y.base[index])
    }
  }

  /// The first product reads what lies in memory that is overwritten before the sum.
  @Test func dont_combinePastAWrite() throws {
    let (x, y) = (Self.values(Self.whole, seed: 1), Self.values(Self.whole, seed: 2))
    let (old, target) = (x.bits, Self.values(Self.whole, seed: 3))
    let whole = Self.whole
    let program = Self.program()
    program.compute(
      try Self.loop(.mul), [Self.place(x, whole), Self.place(y, whole)], into: Self.register(0))
    program.compute(
      try Self.loop(.add), [Self.place(x, whole), Self.place(x, whole)],
      into: Self.place(x, whole))
    program.compute(
      try Self.loop(.add), [Self.register(0), Self.place(y, whole)],
      into: Self.place(target, whole))
    Self.run(program)
    for index in 0..<old.count {
      #expect(
        target.base[index] == Float(bitPattern: old[index]) * y.base[index] + y.base[index])
    }
  }

  /// A strip of columns has all rows; what it computes and adds up is as by rows.
  @Test(arguments: [[5, 37], [40, 200], [100, 500], [1, 64], [203, 65]], [16, 64, 1_000])
  func stripsAreTheSameToTheBit(shape: [Int], width: Int) throws {
    let count = shape[0] * shape[1]
    func drawn(_ name: String) -> Memory {
      Memory(
        NoiseStream(seed: 9, name: name).values(.normal, count: count, step: 0).map { Float($0) })
    }
    let (x, y) = (drawn("x"), drawn("y"))
    func results(_ program: BlockProgram) throws -> [[UInt32]] {
      let filled = Memory(Array(repeating: .nan, count: count))
      let (squared, mixed) = (Memory(filled.values), Memory(filled.values))
      let total = Memory(Array(repeating: .nan, count: shape[1]))
      func place(_ memory: Memory) -> BlockProgram.Place {
        .memory(
          UnsafeMutableRawPointer(memory.base), .f32, stride: shape[1], rows: true, columns: true)
      }
      program.compute(try Self.unary(.sigmoid), [place(x)], into: Self.register(0))
      program.compute(try Self.unary(.square), [Self.register(0)], into: place(squared))
      program.compute(try Self.loop(.mul), [place(squared), place(y)], into: Self.register(1))
      program.compute(
        try Self.loop(.add), [Self.register(1), Self.register(0)], into: place(mixed))
      program.compute(try Self.loop(.div), [place(mixed), place(x)], into: place(filled))
      program.sum(
        place(filled), over: .rows, divisor: 3, into: UnsafeMutableRawPointer(total.base), .f32)
      Self.run(program)
      return [squared.bits, mixed.bits, filled.bits, total.bits]
    }
    let byRows = try results(BlockProgram(shape: shape, split: 1, hasSums: true))
    let strips = BlockProgram(
      rows: shape[0], columns: shape[1], unitRows: shape[0], unitColumns: width, hasSums: true)
    #expect(strips.units == (shape[1] + width - 1) / width)
    #expect(!strips.hasFinish)
    let byStrips = try results(strips)
    for (name, (a, b)) in zip(["squared", "mixed", "filled", "total"], zip(byStrips, byRows)) {
      #expect(a == b, "\(name)")
    }
  }

  /// A sum over all, the rows or the columns does not depend on which thread ran which unit, and is
  /// near that in double.
  @Test(arguments: [[1, 1], [7, 3], [64, 784], [1000, 17], [3, 5000]])
  func sumsInAnyOrderOfUnits(shape: [Int]) {
    let count = shape[0] * shape[1]
    let drawn = NoiseStream(seed: 9, name: "sum").values(.normal, count: count, step: 0)
    let x = Memory(drawn.map { Float($0) })
    func sums(_ order: (Int) -> [Int]) -> [[UInt32]] {
      let (all, byColumn, byRow) = (
        Memory([0]), Memory(Array(repeating: 0, count: shape[1])),
        Memory(Array(repeating: 0, count: shape[0]))
      )
      let program = BlockProgram(shape: shape, split: 1, hasSums: true)
      let place = BlockProgram.Place.memory(
        UnsafeMutableRawPointer(x.base), .f32, stride: shape[1], rows: true, columns: true)
      program.sum(place, over: .all, divisor: 1, into: UnsafeMutableRawPointer(all.base), .f32)
      program.sum(
        place, over: .rows, divisor: 1, into: UnsafeMutableRawPointer(byColumn.base), .f32)
      program.sum(
        place, over: .columns, divisor: 1, into: UnsafeMutableRawPointer(byRow.base), .f32)
      program.seal()
      let scratch = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 64)
      defer { scratch.deallocate() }
      for unit in order(program.units) { program.run(unit..<(unit + 1), scratch) }
      program.finish()
      return [all.bits, byColumn.bits, byRow.bits]
    }
    let forwards = sums { Array(0..<$0) }
    #expect(forwards == sums { Array((0..<$0).reversed()) })
    let total = Float(bitPattern: forwards[0][0])
    let exact = (0..<count).reduce(0.0) { $0 + Double(x.base[$1]) }
    #expect(abs(Double(total) - exact) <= 1e-6 * max(1, abs(exact)) * 10)
    for column in [0, shape[1] - 1] {
      let exact = (0..<shape[0]).reduce(0.0) { $0 + Double(x.base[$1 * shape[1] + column]) }
      #expect(abs(Double(Float(bitPattern: forwards[1][column])) - exact) <= 1e-5 * max(1, exact))
    }
    for row in [0, shape[0] - 1] {
      let exact = (0..<shape[1]).reduce(0.0) { $0 + Double(x.base[row * shape[1] + $1]) }
      #expect(abs(Double(Float(bitPattern: forwards[2][row])) - exact) <= 1e-5 * max(1, exact))
    }
  }
}
