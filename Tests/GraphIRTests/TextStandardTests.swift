import Foundation
import GraphIR
import GraphOps
import Testing

/// The language with the real ops, on the files people start from.
@Suite("The text language with the standard dialect")
struct TextStandardTests {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../Graphs").standardizedFileURL

  static let files: [String] =
    ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [])
    .filter { $0.hasSuffix(".aya") }.sorted()

  @Test("Every graph of the repository reads, verifies, and survives its text", arguments: files)
  func graphs(_ file: String) throws {
    let text = try String(contentsOf: Self.folder.appending(path: file), encoding: .utf8)
    let graph = try graph(text, dialect: .standard)
    #expect(verify(graph).map { $0.rendered() } == [])
    expectRoundTrip(graph, dialect: .standard)
  }

  @Test("The graphs of the repository are found")
  func found() { #expect(Self.files.contains("vae_pytorch.aya")) }

  @Test("The model of the design page, with dims set from outside")
  func designPage() throws {
    let graph = try graph(
      """
      graph vae_pytorch {
        dim N                                   // batch, bound when it runs
        dim D = 784, H = 128, Z = 20            // overridable: --dim Z=2
        const beta = 1.0                        // overridable: --const beta=4
        input x: f32[N, D]
        layer fc1 = linear(D, H) init torch
        layer fc_mu = linear(H, Z) init torch   layer fc_logvar = linear(H, Z) init torch
        layer fc2 = linear(Z, H) init torch     layer fc3 = linear(H, D) init torch
        scope encoder { h1 = relu(fc1(x)) mu = fc_mu(h1) logvar = fc_logvar(h1) }
        scope sampling { z ~ normal(mean: mu, log_variance: logvar) }
        scope decoder { h2 = relu(fc2(z))   logits = fc3(h2)   recon = sigmoid(logits) }
        scope loss {
          bce = sum(bernoulli_nll(x, logits: logits))
          kld = sum(kl_normal(mean: mu, log_variance: logvar))
          loss = bce + beta * kld
        }
        output loss, bce, kld, recon
      }
      """, dialect: .standard, overrides: Overrides(dims: ["Z": 2], consts: ["beta": .int(4)]))
    #expect(graph.parameters.count == 10)
    #expect(graph.node(named: "z.eps")?.type == ValueType(.f32, [.symbol("N"), .symbol("Z")]))
    #expect(graph.sizes()["Z"] == 2)
    #expect(graph.node(named: "beta")?.leaf == .constant(.int(4)))
    #expect(graph.outputs.map(\.name) == ["loss", "bce", "kld", "recon"])
    expectRoundTrip(graph, dialect: .standard)
  }

  @Test("Random calls of every op are a graph or diagnostics", arguments: 0..<12 as Range<UInt64>)
  func randomCalls(seed: UInt64) {
    var generator = SeededGenerator(state: seed)
    func pick<T>(_ options: [T]) -> T {
      options[Int.random(in: 0..<options.count, using: &generator)]
    }
    let types = [
      "f32", "f32[N]", "f32[N, D]", "f32[D, N]", "f32[3, N, D]", "f64[N, D]", "i64[N]", "i32",
      "bool[N, D]", "bool", "f32[0]", "f32[1, 1]", "i64[N, D]", "f32[N, 4]", "f32[2*N + 1]",
    ]
    var statements = ["dim N, D = 4"]
    for (index, type) in types.enumerated() { statements.append("input v\(index): \(type)") }
    var count = types.count
    func value(_ kind: AttributeValue.Kind, _ choices: [String]) -> String {
      switch kind {
      case .bool: pick(["true", "false"])
      case .int: pick(["0", "1", "-1", "5", "9223372036854775807", "-9223372036854775808"])
      case .scalar: pick(["0", "0.5", "-1", "inf", "nan", "true"])
      case .symbol: pick(choices.isEmpty ? ["x"] : choices)
      case .dtype: pick(DType.allCases.map(\.rawValue))
      case .ints:
        pick([
          "[]", "[0]", "[-1]", "[0, 0]", "[1, 0]", "[2, 0, 1]", "[7]", "[-9223372036854775808]",
          "[1, -1]", "[9223372036854775807, 9223372036854775807]", "[0, 0, 0]", "[-2]", "[1, 1]",
        ])
      case .dims: pick(["[]", "[N]", "[N, D]", "[N*D]", "[0]", "[-1]", "[N, -1]", "[1, N - 4]"])
      case .dim: pick(["N", "0", "-1", "D*D", "N - 1"])
      }
    }
    for _ in 0..<80 {
      let op = pick(Dialect.standard.ops)
      var arguments: [String] = []
      for operand in op.operands where op.sampling == nil || operand.edge != .noise {
        for _ in 0..<(operand.isVariadic ? Int.random(in: 1...3, using: &generator) : 1) {
          let keyword =
            operand.choice == nil ? "" : pick([operand.name] + operand.alternatives) + ": "
          arguments.append(
            keyword + pick(["v\(Int.random(in: 0..<count, using: &generator))", "2"]))
        }
      }
      for spec in op.attributes where spec.name != op.sampling?.estimatorAttribute {
        if op.operands.contains(where: { $0.choice == spec.name }) { continue }
        if spec.defaultValue != nil, Bool.random(using: &generator) { continue }
        arguments.append("\(spec.name): \(value(spec.kind, spec.choices))")
      }
      let sign = op.sampling == nil ? "=" : "~"
      let line = "v\(count) \(sign) \(op.name)(\(arguments.joined(separator: ", ")))"
      // Only sound statements stay, so that results feed further calls.
      let text = (statements + [line]).joined(separator: "\n")
      let result = parsed("graph g {\n\(text)\n}", dialect: .standard)
      guard let graph = result.graph else {
        for diagnostic in result.diagnostics { #expect(!diagnostic.rendered().isEmpty) }
        continue
      }
      #expect(verify(graph).map { $0.rendered() } == [], "seed \(seed): \(line)")
      statements.append(line)
      count += 1
    }
    let result = parsed("graph g {\n\(statements.joined(separator: "\n"))\n}", dialect: .standard)
    if let graph = result.graph { expectRoundTrip(graph, dialect: .standard, "seed \(seed)") }
  }

  @Test("Every op of the dialect can be written as it prints")
  func everyOp() {
    for op in Dialect.standard.ops {
      #expect(Dialect.standard.op(named: op.name) === op)
      var keywords: Set<String> = []
      let all = op.operands.flatMap { [$0.name] + $0.alternatives } + op.attributes.map(\.name)
      for keyword in all {
        #expect(keywords.insert(keyword).inserted, "'\(keyword)' of '\(op.name)' means two things")
      }
      // The printer leaves the choice attribute to the keyword.
      for operand in op.operands {
        guard let choice = operand.choice else { continue }
        let spec = op.attributes.first { $0.name == choice }
        #expect(spec?.choices.sorted() == ([operand.name] + operand.alternatives).sorted())
      }
    }
  }
}
