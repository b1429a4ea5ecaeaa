import GraphIR
import GraphOps
import Runtime
import Testing

@Suite struct FeedTests {
  private func bound() throws -> BoundProgram {
    let builder = GraphBuilder("g")
    let n = builder.dimension("N")
    let x = builder.input("x", ValueType(.f32, [n, 2]))
    let d = builder.input("d", ValueType(.f64, [2]))
    _ = builder.input("idle", ValueType(.f32, [n]))
    builder.output("y", sum(cast(x, to: .f64) * d))
    return try BoundProgram(try Program(builder.build()), sizes: ["N": 2])
  }

  private func complaint(_ name: String, _ array: NDArray) throws -> Diagnostic? {
    let bound = try bound()
    return diagnostic { () throws(Diagnostic) in try bound.feed(name, array) }
  }

  @Test func missingFeedsStopTheRun() throws {
    let bound = try bound()
    #expect(bound.fedNames == ["d", "x"])
    #expect(diagnostic { () throws(Diagnostic) in try bound.run() }?.place == "d")
    try bound.feed("d", NDArray([1, 1] as [Double], shape: [2]))
    let missing = diagnostic { () throws(Diagnostic) in try bound.run() }
    #expect(missing?.id == "not-fed" && missing?.place == "x")
    try bound.feed("x", NDArray([1, 2, 3, 4] as [Float], shape: [2, 2]))
    try bound.run()
    #expect(bound.scalar("y") == 10)
  }

  @Test func illFittingFeedsAreRefused() throws {
    let shape = try complaint("x", NDArray([1, 2] as [Float], shape: [1, 2]))
    #expect(shape?.id == "fed-shape" && shape?.expected == "[2, 2], from f32[N, 2]")
    #expect(shape?.got == "[1, 2]")
    let flat = try complaint("x", NDArray(zeros: .f32, shape: [4]))
    #expect(flat?.id == "fed-shape")
    let narrowing = try complaint("x", NDArray(zeros: .f64, shape: [2, 2]))
    #expect(narrowing?.id == "fed-dtype" && narrowing?.got == "float64")
    #expect(narrowing?.fix?.contains("--dtype f64") == true)
    for dtype in [DType.i32, .i64, .bool] {
      #expect(try complaint("x", NDArray(zeros: dtype, shape: [2, 2]))?.id == "fed-dtype")
    }
    #expect(try complaint("d", NDArray(zeros: .i64, shape: [2]))?.id == "fed-dtype")
    let unknown = try complaint("xs", NDArray(zeros: .f32, shape: [2, 2]))
    #expect(unknown?.id == "unknown-feed" && unknown?.fix == "did you mean 'x'?")
    // Known but unused is no mistake.
    #expect(try complaint("idle", NDArray(zeros: .f32, shape: [2])) == nil)
  }

  @Test func wideningIsDone() throws {
    let bound = try bound()
    try bound.feed("d", NDArray([Int32(3), -1], shape: [2]))
    try bound.feed("x", NDArray([1, 2, 3, 4] as [Float], shape: [2, 2]))
    try bound.run()
    #expect(bound.scalar("y") == 6)
    try bound.feed("x", NDArray([1, 2, 3, 4] as [Float], shape: [2, 2]))
    try bound.feed("d", NDArray([0.5, 0] as [Float], shape: [2]))
    try bound.run()
    #expect(bound.scalar("y") == 2)
  }

  /// An input that a step writes over must not serve for a second run: the result would be of
  /// something that nobody fed.
  @Test func aUsedUpFeedStopsTheNextRun() throws {
    let builder = GraphBuilder("g")
    let x = builder.input("x", ValueType(.f64, [3]))
    let y = builder.input("y", ValueType(.f64, [3]))
    builder.output("e", exp(x) + sum(y))
    builder.output("y", y)
    let bound = try BoundProgram(try Program(builder.build()))
    try bound.feed("x", NDArray([0, 0, 0] as [Double], shape: [3]))
    try bound.feed("y", NDArray([1, 2, 3] as [Double], shape: [3]))
    try bound.run()
    #expect(bound.output("e")?.doubles == [7, 7, 7])
    let again = diagnostic { () throws(Diagnostic) in try bound.run() }
    #expect(again?.id == "not-fed" && again?.fix == "feed it again before every run")
    // y was wanted as an output and is still there.
    try bound.feed("x", NDArray([0, 0, 0] as [Double], shape: [3]))
    try bound.run()
    #expect(bound.output("e")?.doubles == [7, 7, 7])
  }

  @Test func inputsAreFilledInPlace() throws {
    let bound = try bound()
    try bound.feed("d", NDArray([1, 1] as [Double], shape: [2]))
    let buffer = try #require(bound.inputBuffer("x"))
    #expect(buffer.shape == [2, 2] && buffer.dtype == .f32)
    for index in 0..<4 { buffer.typed(Float.self)[index] = 2 }
    try bound.run()
    #expect(bound.scalar("y") == 8)
    #expect(bound.inputBuffer("idle") == nil && bound.inputBuffer("nothing") == nil)
  }
}

@Suite struct FailureTests {
  @Test func aPositionOutsideStopsTheRun() throws {
    for dtype in [DType.i32, .i64] {
      let builder = GraphBuilder("g")
      let x = builder.parameter("x", ValueType(.f32, [3]), .constant(.float(2)))
      let i = builder.input("i", ValueType(dtype, [2]))
      builder.output("y", gather(x, i).named("picked"))
      let graph = builder.build()
      let store = try StateStore(graph, sizes: [:])
      try store.initialize(seed: 0)
      let bound = try BoundProgram(try Program(graph), state: store)
      for bad in [[0.0, 3], [-1, 0], [9e9, 1]] {
        if dtype == .i32, bad[0] > 1e9 { continue }
        try bound.feed("i", NDArray(converting: bad, to: dtype, shape: [2]))
        let found = diagnostic { () throws(Diagnostic) in try bound.run() }
        #expect(found?.id == "step-failed" && found?.place == "picked", "\(bad)")
      }
      // A good run afterwards is a good run.
      try bound.feed("i", NDArray(converting: [0, 2], to: dtype, shape: [2]))
      try bound.run()
      #expect(bound.output("y")?.doubles == [2, 2])
    }
  }

  /// `count` values of [N] that are all alive at once.
  private func wide(_ count: Int) throws -> Program {
    let builder = GraphBuilder("wide")
    let n = builder.dimension("N")
    let x = builder.input("x", ValueType(.f64, [n]))
    for index in 0..<count { builder.output("o\(index)", exp(x * Double(index + 2))) }
    return try Program(builder.build())
  }

  @Test(arguments: [1 << 40, 1 << 50, 1 << 57, (1 << 59) - 1])
  func absurdSizesAreOutOfMemory(size: Int) throws {
    for count in [1, 12] {
      let program = try wide(count)
      let found = diagnostic { () throws(Diagnostic) in
        try BoundProgram(program, sizes: ["N": size])
      }
      #expect(found?.id == "out-of-memory", "\(count) values of \(size)")
    }
  }

  @Test func sizesThatDoNotFitInAnIntAreBad() throws {
    let program = try wide(1)
    for size in [1 << 60, Int.max] {
      let found = diagnostic { () throws(Diagnostic) in
        try BoundProgram(program, sizes: ["N": size])
      }
      #expect(found?.id == "bad-size", "\(size)")
    }
  }

  @Test func absurdParametersAreOutOfMemory() throws {
    let builder = GraphBuilder("g")
    let n = builder.dimension("N")
    for index in 0..<20 { _ = builder.parameter("p\(index)", ValueType(.f64, [n]), .zeros) }
    let graph = builder.build()
    for size in [1 << 40, 1 << 57, (1 << 59) - 1] {
      let found = diagnostic { () throws(Diagnostic) in
        try StateStore(graph, sizes: ["N": size])
      }
      #expect(found?.id == "out-of-memory", "\(size)")
    }
  }
}

@Suite struct StateStoreTests {
  private func sample() -> Graph {
    let builder = GraphBuilder("g")
    let n = builder.dimension("N")
    let p = builder.parameter("p", ValueType(.f32, [n, 2]), .uniform(low: 2, high: 3))
    _ = builder.state("empty", ValueType(.f32, [0]), .zeros)
    let t = builder.state("t", ValueType(.i64), .constant(.int(5)))
    builder.output("y", sum(p))
    builder.output("t", t)
    return builder.build()
  }

  @Test func initialisersFillTheirLeaves() throws {
    let store = try StateStore(sample(), sizes: ["N": 100])
    #expect(store.names == ["p", "empty", "t"])
    #expect(store.array("p")?.doubles.allSatisfy { $0 == 0 } == true)
    try store.initialize(seed: 1)
    let values = try #require(store.array("p")).doubles
    #expect(values.count == 200 && values.allSatisfy { (2...3).contains($0) })
    #expect(Set(values).count > 150)
    #expect(store.array("t")?.doubles == [5])
    try store.initialize(seed: 2) { $0.label == "t" }
    #expect(store.array("p")?.doubles == values)
    try store.initialize(seed: 2)
    #expect(store.array("p")?.doubles != values)
    #expect(store.array("nothing") == nil)
  }

  @Test func settingChecksShapeTypeAndName() throws {
    let store = try StateStore(sample(), sizes: ["N": 1])
    try store.set("p", NDArray([4, 5] as [Float], shape: [1, 2]))
    #expect(store.array("p")?.doubles == [4, 5])
    func complaint(_ name: String, _ array: NDArray) -> String? {
      diagnostic { () throws(Diagnostic) in try store.set(name, array) }?.id
    }
    #expect(complaint("p", NDArray([4, 5] as [Float], shape: [2])) == "fed-shape")
    #expect(complaint("p", NDArray([4, 5] as [Double], shape: [1, 2])) == "fed-dtype")
    #expect(complaint("q", NDArray([4, 5] as [Float], shape: [1, 2])) == "unknown-feed")
    #expect(complaint("t", NDArray([Int32(9)], shape: [])) == nil)
    #expect(store.array("t")?.doubles == [9])
  }

  /// A store of other sizes than the program's would be read beyond its end.
  @Test func aStoreOfOtherSizesIsRefused() throws {
    let graph = sample()
    let program = try Program(graph)
    let small = try StateStore(graph, sizes: ["N": 1])
    let found = diagnostic { () throws(Diagnostic) in
      try BoundProgram(program, sizes: ["N": 1_000], state: small)
    }
    #expect(found?.id == "unfit-state" && found?.got == "f32[1, 2]")
    let other = try StateStore(GraphBuilder("empty").build(), sizes: [:])
    let missing = diagnostic { () throws(Diagnostic) in
      try BoundProgram(program, sizes: ["N": 1], state: other)
    }
    #expect(missing?.id == "unfit-state" && missing?.got == "nothing")
    #expect(try BoundProgram(program, sizes: ["N": 1], state: small).scalar("t") == 0)
  }
}
