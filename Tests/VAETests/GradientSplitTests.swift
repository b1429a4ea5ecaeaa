import Ayatori
import Foundation
import Testing
import VAE

@Suite struct GradientSplitTests {
  // MARK: Against PyTorch

  struct Fixture: Decodable {
    struct Place: Decodable {
      var norms: [String: Double?]
      var cosine: Double?
      var gradients: [String: [Double]] = [:]

      struct Values: Decodable { var values: [Double] }

      struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { return nil }
      }

      init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        norms = try container.decode([String: Double?].self, forKey: Key(stringValue: "norms"))
        cosine = try container.decodeIfPresent(Double.self, forKey: Key(stringValue: "cosine"))
        for key in container.allKeys where key.stringValue.hasPrefix("d_") {
          gradients[key.stringValue] = try container.decodeIfPresent(Values.self, forKey: key)?
            .values
        }
      }
    }

    var terms: [String: Double]
    var z: Place
    var mu: Place
    var logvar: Place
  }

  @Test func smallModelMatchesPyTorch() throws {
    let data = try Data(
      contentsOf: URL(filePath: Training.oracle + "gradflow_vae_pytorch_small.json"))
    let fixture = try JSONDecoder().decode(Fixture.self, from: data)
    func arrays(_ what: String) throws -> [String: NDArray] {
      let path = Training.oracle + "vae_pytorch_small_f64_\(what).npz"
      return Dictionary(
        try readNPZ(path).map { ($0.name, $0.array) }, uniquingKeysWith: { a, _ in a })
    }
    let split = try GradientSplit(
      Training.graph("vae_pytorch", dims: ["D": 13, "H": 11, "Z": 3], dtype: .f64),
      feeds: Feeds(inputs: arrays("inputs"), parameters: arrays("params")))
    #expect(split.node == "z" && split.loss == "loss")
    #expect(abs(split.lossValue - (fixture.terms["loss"] ?? .nan)) < 1e-10)
    #expect(split.terms.map(\.name) == ["bce", "kld"])
    for term in split.terms {
      #expect(term.weight == 1 && abs(term.value - (fixture.terms[term.name] ?? .nan)) < 1e-10)
    }
    #expect(split.rows.map(\.name) == ["mu", "logvar", "z"])
    #expect(split.rows.map(\.role) == ["mean", "log_variance", "draw"])
    for (row, place) in zip(split.rows, [fixture.mu, fixture.logvar, fixture.z]) {
      for part in row.parts {
        guard let wanted = place.gradients["d_\(part.term)/d_\(row.name)"] else {
          #expect(row.name == "z" && part.term == "kld")
          #expect(part.gradient == nil && part.statistics == nil)
          #expect(part.refusal == "no gradient reaches it: 'kld' does not depend on 'z'")
          continue
        }
        let got = try #require(part.gradient).doubles
        let largest = wanted.reduce(0) { max($0, abs($1)) }
        #expect(got.count == wanted.count)
        for (a, b) in zip(got, wanted) { #expect(abs(a - b) <= 1e-11 * largest) }
        let norm = try #require(place.norms[part.term] ?? nil)
        #expect(abs((part.statistics?.norm ?? .nan) - norm) <= 1e-11 * norm)
      }
      let total = try #require(place.norms["loss"] ?? nil)
      #expect(abs((row.total?.norm ?? .nan) - total) <= 1e-11 * total)
      #expect(row.partsErrorUlps <= 4)
      if let cosine = place.cosine {
        #expect(abs((row.cosine(0, 1) ?? .nan) - cosine) < 1e-11)
      } else {
        #expect(row.cosine(0, 1) == nil)
      }
    }
    #expect(split.unreached.isEmpty)
  }

  /// The mean of the parts over the noise: −1.5 and +0.5 for mu, +0.5 and 0 for logvar.
  @Test func goldenInstanceByQuadrature() throws {
    // Exact for what is quadratic in eps: three points of Gauss–Hermite.
    let points = [(-1.7320508075688772, 1 / 6.0), (0, 2 / 3.0), (1.7320508075688772, 1 / 6.0)]
    let graph = try Training.graph("linear_gaussian", dtype: .f64)
    var means: [String: Double] = [:]
    for (node, weight) in points {
      let split = try GradientSplit(
        graph, feeds: Feeds(inputs: ["z.eps": NDArray([node], shape: [])]))
      means["loss", default: 0] += weight * split.lossValue
      for row in split.rows where row.name != "z" {
        for part in row.parts {
          means["\(part.term) \(row.name)", default: 0] +=
            weight * (part.gradient?.doubles.first ?? .nan)
        }
      }
    }
    let wanted = [
      "loss": 2.6689385332046727, "recon mu": -1.5, "kl mu": 0.5, "recon logvar": 0.5,
      "kl logvar": 0,
    ]
    #expect(Set(means.keys) == Set(wanted.keys))
    for (name, value) in wanted {
      #expect(abs((means[name] ?? .nan) - value) < 1e-13, "\(name) = \(means[name] ?? .nan)")
    }
  }

  @Test(arguments: ["vae_pytorch", "vae_chainer"], [1.0, 4.0])
  func partsSumToTheWhole(model: String, beta: Double) throws {
    let graph = try Training.graph(
      model, dims: ["D": 64, "H": 16, "Z": 4],
      consts: [model == "vae_chainer" ? "C" : "beta": .float(beta)])
    let digits = try DataSet.load("digits")
    let inputs = try DataInputs(graph, for: digits).arrays(of: digits.test, in: digits, count: 32)
    let split = try GradientSplit(graph, feeds: Feeds(inputs: inputs, seed: 3))
    #expect(split.rows.count == 3)
    for row in split.rows {
      #expect(row.partsErrorUlps <= 4, "\(row.name): \(row.partsErrorUlps)")
      #expect(row.value.nonFinite == 0)
    }
    // vae_chainer multiplies inside the term, vae_pytorch outside.
    #expect(split.terms[1].weight == (model == "vae_pytorch" ? beta : 1))
    let value = split.terms.reduce(0) { $0 + $1.weight * $1.value }
    #expect(abs(value - split.lossValue) <= 1e-5 * split.lossValue)
  }

  // MARK: Terms and weights

  private static func split(
    _ body: String, node: String? = nil, loss: String? = nil, inputs: [String: NDArray] = [:]
  ) throws -> GradientSplit {
    try GradientSplit(
      Training.graph(
        text: """
          graph g {
            const three: f64 = 3.0
            param mu: f64[] init constant(0.5)
            param lv: f64[] init constant(0.25)
            \(body)
          }
          """), node: node, loss: loss,
      feeds: Feeds(inputs: inputs.merging(["z.eps": NDArray([0.75], shape: [])]) { a, _ in a }))
  }

  static let draw = """
    z ~ normal(mean: mu, log_variance: lv)
    kl = kl_normal(mean: mu, log_variance: lv)
    recon = square(z - 2)
    """

  /// The gradient of the KL term is mu; its weight is what the loss multiplies it by, however that
  /// is written.
  @Test(arguments: [
    ("recon + 4 * kl", 4.0), ("kl / 2 + recon", 0.5), ("recon - kl", -1), ("-(kl - recon)", -1),
    ("recon + kl + kl", 2), ("recon + (kl * 6 + 1) / three", 2), ("recon + 0 * kl", 0),
    // A term that takes part in another is not counted twice.
    ("recon + kl + square(kl)", 1), ("recon + kl + three * square(kl - 3)", 1),
  ])
  func weights(expression: String, weight: Double) throws {
    let split = try Self.split("\(Self.draw) loss = \(expression) output loss")
    let term = try #require(split.terms.first { $0.name == "kl" })
    #expect(term.weight == weight)
    let sum = split.terms.reduce(0) { $0 + $1.weight * $1.value }
    // A constant addend is no term.
    let constant = expression.contains("+ 1)") ? 1 / 3.0 : 0
    #expect(abs(sum + constant - split.lossValue) < 1e-12)
    let row = try #require(split.rows.first { $0.name == "mu" })
    let part = try #require(row.parts.first { $0.term == "kl" }?.gradient?.doubles.first)
    #expect(abs(part - weight * 0.5) < 1e-15)
    #expect(row.partsErrorUlps <= 4, "\(row.partsErrorUlps)")
  }

  @Test func aDrawCanBeTheLoss() throws {
    let split = try GradientSplit(
      Training.graph("rsample", dtype: .f64),
      feeds: Feeds(inputs: ["z.eps": NDArray([0.75], shape: [])]))
    #expect(split.terms.map(\.name) == ["z"])
    #expect(split.rows.map { $0.parts[0].gradient?.doubles } == [[1], [0.75], [1]])
    #expect(split.rows.allSatisfy { $0.partsError == 0 })
  }

  /// Values that are not finite never look like agreement.
  @Test func agreementNeedsNumbers() throws {
    let split = try Self.split("\(Self.draw) loss = recon + (1e308 * 10) * kl output loss")
    let row = try #require(split.rows.first { $0.name == "lv" })
    #expect(row.parts.contains { ($0.statistics?.nonFinite ?? 0) > 0 })
    #expect(!(row.partsError == 0))
  }

  // MARK: The node

  @Test func aStoppedDrawRefusesTheReconstructionOnly() throws {
    let split = try Self.split(
      """
      z ~ normal(mean: mu, log_variance: lv) estimator stopped
      kl = kl_normal(mean: mu, log_variance: lv)
      recon = square(z - 2)
      loss = recon + kl
      output loss
      """)
    for row in split.rows.prefix(2) {
      let recon = try #require(row.parts.first { $0.term == "recon" })
      #expect(recon.gradient == nil)
      #expect(recon.refusal?.contains("stopped") == true, "\(recon.refusal ?? "")")
      let kl = try #require(row.parts.first { $0.term == "kl" })
      #expect(kl.refusal == nil && kl.gradient != nil)
      #expect(row.total?.norm == kl.statistics?.norm && row.partsError == 0)
    }
    // Behind the draw all is as ever, and the place where the gradient stops is shown.
    #expect(split.rows[2].parts.first { $0.term == "recon" }?.gradient != nil)
    #expect(!split.blocked.isEmpty)
    #expect(split.unreached.isEmpty)
    let only = try Self.split(
      "\(Self.draw.replacing("lv)\nkl", with: "lv) estimator stopped\nkl")) output recon",
      loss: "recon")
    #expect(only.unreached.map(\.name) == ["mu", "lv"])
  }

  @Test func unnamedOperandsGetNames() throws {
    let split = try Self.split(
      "z ~ normal(mean: mu * 2, stddev: exp(lv)) loss = square(z) output loss")
    #expect(split.rows.map(\.name) == ["z.mean", "z.stddev", "z"])
    let z = 1 + Foundation.exp(0.25) * 0.75
    let gradients = split.rows.map { $0.parts[0].gradient?.doubles.first ?? .nan }
    for (got, wanted) in zip(gradients, [2 * z, 2 * z * 0.75, 2 * z]) {
      #expect(abs(got - wanted) < 1e-12)
    }
  }

  @Test func severalNodesNeedAName() throws {
    let body = """
      z ~ normal(mean: mu, log_variance: lv)
      w ~ normal(mean: z, log_variance: lv)
      loss = square(w) + square(z)
      output loss
      """
    let found = Training.diagnostics { _ = try Self.split(body) }
    #expect(found.map(\.id) == ["no-sampling-node"])
    #expect(found.first?.got == "z, w" && found.first?.fix == "choose one by its name: --node z")
    #expect(try Self.split(body, node: "w").rows.map(\.name) == ["z", "lv", "w"])
    let wrong = Training.diagnostics { _ = try Self.split(body, node: "zz") }
    #expect(wrong.map(\.id) == ["no-sampling-node"] && wrong.first?.fix == "did you mean 'z'?")
    let other = Training.diagnostics { _ = try Self.split(body, node: "mu") }
    #expect(other.first?.location != nil && other.first?.expected == "one of: z, w")
  }

  @Test func graphsWithoutANode() throws {
    let graph = try Training.graph("autoencoder")
    let found = Training.diagnostics { _ = try GradientSplit(graph, feeds: Feeds()) }
    #expect(found.map(\.id) == ["no-sampling-node"] && found.first?.fix == nil)
    let loss = Training.diagnostics {
      _ = try Self.split("\(Self.draw) loss = recon output loss", loss: "recom")
    }
    #expect(loss.map(\.id) == ["unknown-node"] && loss.first?.fix == "did you mean 'recon'?")
  }

  /// The point of evaluation can be chosen: a mean that is computed, or a parameter.
  @Test func operandsCanBeFed() throws {
    let body = """
      m = mu * 2
      z ~ normal(mean: m, log_variance: lv)
      loss = square(z) + 0.5 * square(m)
      output loss
      """
    let at = { (name: String) in
      try Self.split(body, inputs: [name: NDArray([3.0], shape: [])]).rows[0].value.mean
    }
    #expect(try at("m") == 3 && at("mu") == 6)
    let unknown = Training.diagnostics { _ = try at("nothing") }
    #expect(unknown.map(\.id) == ["unknown-node"])
  }
}
