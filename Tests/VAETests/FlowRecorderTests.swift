import Ayatori
import Foundation
import Testing
import VAE

@Suite struct FlowRecorderTests {
  private static func graph(beta: Double = 1) throws -> Graph {
    try Training.graph(
      "vae_pytorch", dims: ["D": 64, "H": 16, "Z": 3], consts: ["beta": .float(beta)])
  }

  private static func recorder(
    _ graph: Graph, _ digits: DataSet, every: Int = 10
  ) throws -> FlowRecorder {
    let probe = try DataInputs(graph, for: digits).arrays(of: digits.test, in: digits, count: 32)
    return try FlowRecorder(graph, inputs: probe, every: every, seed: 4)
  }

  private static func trainer(_ graph: Graph, _ digits: DataSet) throws -> Trainer {
    try Trainer(graph, on: digits, options: Training.options(batchSize: 64, seed: 4))
  }

  /// Looking on changes nothing, and looks at every tenth step.
  @Test func recordingLeavesTrainingAlone() throws {
    let (graph, digits) = (try Self.graph(), try DataSet.load("digits"))
    let (plain, watched) = (try Self.trainer(graph, digits), try Self.trainer(graph, digits))
    let recorder = try Self.recorder(graph, digits)
    watched.recorder = recorder
    try watched.record(recorder)
    _ = try plain.trainEpoch()
    _ = try watched.trainEpoch()
    for (a, b) in zip(plain.arrays, watched.arrays) {
      #expect(a.name == b.name && a.array.doubles == b.array.doubles)
    }
    // 1,500 images in batches of 64: 24 steps.
    #expect(recorder.records.map(\.step) == [0, 10, 20])
    let epochs: [Double] = [0, 10.0 / 24, 20.0 / 24]
    #expect(recorder.records.map(\.epoch) == epochs)
    let areWhole = recorder.records.allSatisfy { $0.loss.isFinite && $0.latents.count == 3 }
    #expect(areWhole)
    let (first, last) = (recorder.records[0].loss, recorder.records[2].loss)
    #expect(last < first)
  }

  /// A record is what the split says of the same parameters, images and noise.
  @Test func recordsAreTheSplitsNumbers() throws {
    let (graph, digits) = (try Self.graph(beta: 2), try DataSet.load("digits"))
    let trainer = try Self.trainer(graph, digits)
    let recorder = try Self.recorder(graph, digits)
    _ = try trainer.trainEpoch()
    try trainer.record(recorder)
    let record = try #require(recorder.records.first)
    let probe = try DataInputs(graph, for: digits).arrays(of: digits.test, in: digits, count: 32)
    let parameters = Dictionary(
      uniqueKeysWithValues: trainer.arrays.filter { entry in
        graph.node(named: entry.name) != nil
      }.map { ($0.name, $0.array) })
    let splits = try (0..<UInt64(recorder.header.draws)).map { draw in
      try GradientSplit(
        graph,
        feeds: Feeds(inputs: probe, parameters: parameters, seed: 4, step: 3 << 62 + draw))
    }
    func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
    #expect(abs(record.loss - mean(splits.map(\.lossValue))) <= 1e-6 * record.loss)
    #expect(record.terms.map(\.weight) == [1, 2])
    for (index, target) in record.rows.enumerated() {
      let totals = splits.map { $0.rows[index].total?.norm ?? .nan }
      let root = mean(totals.map { $0 * $0 }).squareRoot()
      #expect(abs((target.total ?? .nan) - root) <= 1e-5 * root, "\(target.name)")
      let signal = try #require(target.signalToNoise)
      #expect(signal >= 0 && signal < 100)
    }
    #expect(record.rows.map(\.name) == ["mu", "logvar", "z"])
    #expect(record.rows[2].norms[1] == nil && record.rows[2].cosine == nil)
  }

  /// Of three terms two reach the node: the course has their cosine, and says what it is of, what
  /// the terms weigh, and what is added to them.
  @Test func theCourseSaysWhatItsNumbersAreOf() throws {
    let graph = try BatchModel.graph(
      """
      decay = sum(square(w))
        kl = sum(kl_normal(mean: m, log_variance: lv))
        near = sum(square(z))
        loss = decay + 0.5 * kl + near - 3
      """)
    let recorder = try FlowRecorder(
      graph, inputs: BatchModel.feeds().inputs, every: 1, seed: 4)
    let record = try recorder.record(step: 1, epoch: 0.5) { _ in nil }
    let splits = try (0..<UInt64(recorder.header.draws)).map { draw in
      var feeds = BatchModel.feeds()
      feeds.step = 3 << 62 + draw
      return try GradientSplit(graph, feeds: feeds)
    }
    let cosines = splits.compactMap { $0.rows[0].cosine(1, 2) }
    #expect(cosines.count == recorder.header.draws && record.rows[0].norms[0] == nil)
    let mean = cosines.reduce(0, +) / Double(cosines.count)
    #expect(abs((record.rows[0].cosine ?? .nan) - mean) < 1e-12 && record.constant == -3)
    let text = recorder.course.text
    #expect(text.contains("\nloss = decay + 0.5 · kl + near + constant -3\n"), "\(text)")
    #expect(text.contains("  cos at m: the cosine between the gradients from kl and near"))
    let back = try JSONDecoder().decode(FlowRecord.self, from: JSONEncoder().encode(record))
    #expect(back == record)
  }

  @Test func coursesComeBack() throws {
    let (graph, digits) = (try Self.graph(), try DataSet.load("digits"))
    let trainer = try Self.trainer(graph, digits)
    let recorder = try Self.recorder(graph, digits, every: 6)
    trainer.recorder = recorder
    try trainer.record(recorder)
    _ = try trainer.trainEpoch()
    let directory = FileManager.default.temporaryDirectory
      .appending(path: "ayatori-course-\(ProcessInfo.processInfo.processIdentifier)").path
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    try recorder.course.write(to: directory)
    let read = try FlowCourse(readFrom: directory)
    #expect(read.header == recorder.header && read.records == recorder.records)
    // A course that names no run goes on, as it did before there was the name; another's does not.
    var (mine, other) = (read.header, read.header)
    (mine.run, other.run) = ("1f", "2e")
    #expect(read.header.run == nil && read.header.isContinued(by: mine))
    #expect(mine.isContinued(by: mine) && !other.isContinued(by: mine))
    mine.every += 1
    #expect(!read.header.isContinued(by: mine))
    // What came after a step is forgotten when the run goes on from there.
    let again = try Self.recorder(graph, digits, every: 6)
    again.resume(read, through: 12)
    #expect(again.records.map(\.step) == [0, 6, 12])
    for text in ["", "{}", "[1, 2", "{\"format\": \"other\"}"] {
      try Data(text.utf8).write(to: URL(filePath: FlowCourse.path(in: directory)))
      let found = Training.diagnostics { _ = try FlowCourse(readFrom: directory) }
      #expect(found.map(\.id) == ["not-a-course"])
    }
    let png = read.picture.png()
    #expect(png.starts(with: [0x89, 0x50, 0x4E, 0x47]) && png.count > 10_000)
  }

  /// A divergence that weighs too much leaves no latent alive, and the course says so.
  @Test func collapseIsToldOf() throws {
    let digits = try DataSet.load("digits")
    for (beta, collapses) in [(200.0, true), (0.1, false)] {
      let graph = try Self.graph(beta: beta)
      let trainer = try Self.trainer(graph, digits)
      let recorder = try Self.recorder(graph, digits, every: 24)
      trainer.recorder = recorder
      for _ in 0..<4 { _ = try trainer.trainEpoch() }
      let warnings = recorder.course.warnings
      let found = warnings.contains { $0.contains("posterior collapse") }
      #expect(found == collapses, "beta \(beta): \(warnings)")
      let text = recorder.course.text
      #expect(text.contains(collapses ? "0/3" : "3/3"), "\(text)")
      #expect(text.contains("4 records, every 24 steps"))
    }
  }
}
