import GraphIR

/// The models of the mission, built by hand.
enum TestGraphs {
  /// 784-500-500-20 with softplus, the order of operations that Chainer drew.
  static func chainerVAE() -> (Graph, constants: [NodeID: Scalar]) {
    let g = GraphBuilder("vae_chainer")
    let n = g.dimension("N")
    let d = g.dimension("D", default: 784)
    let h = g.dimension("H", default: 500)
    let z = g.dimension("Z", default: 20)
    let x = g.input("x", ValueType(.f32, [n, d]))
    let samples = g.constant(.float(1), .f32, name: "k")
    let beta = g.constant(.float(1), .f32, name: "C")
    let le1 = g.layer("le1", d, h)
    let le2 = g.layer("le2", h, h)
    let le3Mean = g.layer("le3_mu", h, z)
    let le3Variance = g.layer("le3_ln_var", h, z)
    let ld1 = g.layer("ld1", z, h)
    let ld2 = g.layer("ld2", h, h)
    let ld3 = g.layer("ld3", h, d)
    let (mean, variance) = g.scope("encoder") {
      let h1 = le1(x)(TestOp.softplus, name: "enc_h1")
      let h2 = le2(h1)(TestOp.softplus, name: "enc_h2")
      return (le3Mean(h2).named("z_mu"), le3Variance(h2).named("z_ln_var"))
    }
    let sample = g.scope("sampling") {
      let eps = g.noise("z.eps", mean.type, .normal)
      return mean(TestOp.normal, variance, eps, name: "z")
    }
    let logits = g.scope("decoder") {
      let h1 = ld1(sample)(TestOp.softplus, name: "dec_h1")
      let h2 = ld2(h1)(TestOp.softplus, name: "dec_h2")
      return ld3(h2).named("dec_h3")
    }
    let size = g.size(n, .f32)
    let perSample = g.float(1) / (samples * size)
    let perImage = g.float(1) / size
    g.scope("loss") {
      let sum = (logits(TestOp.softplus) - logits * x)(TestOp.sum)
      let rec = (g.constant(.int(0), .f32) + sum * perSample).named("reconstruction error")
      let terms = mean * mean + variance(TestOp.exp) - variance - g.constant(.int(1), .f32)
      let latent = ((terms * g.float(0.5))(TestOp.sum) * beta * perImage).named("latent loss")
      let loss = (rec + latent).named("loss")
      g.output("loss", loss)
      g.output("reconstruction error", rec)
      g.output("latent loss", latent)
    }
    let graph = g.build()
    let constants: [NodeID: Scalar] = [
      (samples * size).id: .float(100), perSample.id: .float(0.01), perImage.id: .float(0.01),
    ]
    return (graph, constants)
  }

  /// 784-128-20 with ReLU; with its gradient and a step of plain descent when asked for.
  static func pytorchVAE(training: Bool = false) -> Graph {
    let text = """
      graph vae_pytorch {
        scope sampling { z ~ normal(mean: mu, log_variance: logvar) }
      }
      """
    let file = SourceFile(name: "vae_pytorch.aya", text: text)
    let g = GraphBuilder("vae_pytorch")
    let n = g.dimension("N")
    let d = g.dimension("D", default: 784)
    let h = g.dimension("H", default: 128)
    let z = g.dimension("Z", default: 20)
    let x = g.input("x", ValueType(.f32, [n, d]))
    let beta = g.constant(.float(1), .f32, name: "beta")
    let fc1 = g.layer("fc1", d, h)
    let fcMean = g.layer("fc_mu", h, z)
    let fcVariance = g.layer("fc_logvar", h, z)
    let fc2 = g.layer("fc2", z, h)
    let fc3 = g.layer("fc3", h, d)
    let (a1, h1, mean, variance) = g.scope("encoder") {
      let a1 = fc1(x)
      let h1 = a1(TestOp.relu, name: "h1")
      return (a1, h1, fcMean(h1).named("mu"), fcVariance(h1).named("logvar"))
    }
    let (eps, sample) = g.with(
      scope: ["sampling"], location: SourceLocation(file: file, range: 41..<84)
    ) {
      let eps = g.noise("z.eps", mean.type, .normal)
      return (eps, mean(TestOp.normal, variance, eps, name: "z"))
    }
    let (a2, h2, logits) = g.scope("decoder") {
      let a2 = fc2(sample)
      let h2 = a2(TestOp.relu, name: "h2")
      let logits = fc3(h2).named("logits")
      g.output("recon", logits(TestOp.sigmoid, name: "recon"))
      return (a2, h2, logits)
    }
    let (nll, bce, kld, loss) = g.scope("loss") {
      let nll = x(TestOp.bernoulliNLL, logits)
      let bce = nll(TestOp.sum, name: "bce")
      let kld = mean(TestOp.klNormal, variance)(TestOp.sum, name: "kld")
      let loss = (bce + beta * kld).named("loss")
      g.output("loss", loss)
      g.output("bce", bce)
      g.output("kld", kld)
      return (nll, bce, kld, loss)
    }
    guard training else { return g.build() }

    func adjoint(
      _ of: Value, through: Value? = nil, _ name: String? = nil, _ body: () -> Value
    ) -> Value {
      let scope = scopes[of.id] ?? []
      let value = g.with(
        scope: scope, role: .adjoint(of: of.id, root: "loss", through: through?.id), body)
      if let name { value.named(name) }
      return value
    }
    let scopes = Dictionary(uniqueKeysWithValues: g.build().nodes.map { ($0.id, $0.scope) })
    func linear(_ name: String, _ dy: Value, _ x: Value) -> Value {
      guard let weight = g.value(named: "\(name).W"), let bias = g.value(named: "\(name).b") else {
        preconditionFailure("no layer \(name)")
      }
      let scope = ["fc2": "decoder", "fc3": "decoder"][name] ?? "encoder"
      _ = g.with(scope: [scope], role: .adjoint(of: weight.id, root: "loss", through: nil)) {
        dy(TestOp.transpose)(TestOp.matmul, x, name: "d_loss/d_\(name).W")
      }
      _ = g.with(scope: [scope], role: .adjoint(of: bias.id, root: "loss", through: nil)) {
        g.make(TestOp.sumFirst, [dy], ["axes": .ints([0])]).named("d_loss/d_\(name).b")
      }
      return weight
    }
    let one = adjoint(loss, "d_loss/d_loss") { g.constant(.float(1), .f32, name: "d_loss/d_loss") }
    let dBCE = adjoint(nll, "d_loss/d_bce") { one(TestOp.broadcastLike, nll) }
    let dLogits = adjoint(logits, "d_loss/d_logits") { (logits(TestOp.sigmoid) - x) * dBCE }
    let w3 = linear("fc3", dLogits, h2)
    let dH2 = adjoint(h2, "d_loss/d_h2") { dLogits(TestOp.matmul, w3) }
    let dA2 = adjoint(a2) { dH2 * a2(TestOp.greater, g.float(0)) }
    let w2 = linear("fc2", dA2, sample)
    let dZ = adjoint(sample, "d_loss/d_z") { dA2(TestOp.matmul, w2) }
    let dKLD = adjoint(kld, "d_loss/d_kld") { one * beta }
    let meanKL = adjoint(mean, through: kld) { mean * dKLD }
    let meanZ = adjoint(mean, through: sample) { dZ(TestOp.identity) }
    let dMean = adjoint(mean, "d_loss/d_mu") { meanZ + meanKL }
    let varianceZ = adjoint(variance, through: sample) {
      dZ * eps * (variance * g.float(0.5))(TestOp.exp) * g.float(0.5)
    }
    let varianceKL = adjoint(variance, through: kld) {
      (variance(TestOp.exp) - g.float(1)) * g.float(0.5) * dKLD
    }
    let dVariance = adjoint(variance, "d_loss/d_logvar") { varianceZ + varianceKL }
    let wMean = linear("fc_mu", dMean, h1)
    let wVariance = linear("fc_logvar", dVariance, h1)
    let h1Mean = adjoint(h1, through: mean) { dMean(TestOp.matmul, wMean) }
    let h1Variance = adjoint(h1, through: variance) { dVariance(TestOp.matmul, wVariance) }
    let dH1 = adjoint(h1, "d_loss/d_h1") { h1Mean + h1Variance }
    let dA1 = adjoint(a1) { dH1 * a1(TestOp.greater, g.float(0)) }
    _ = linear("fc1", dA1, x)
    _ = bce
    for parameter in g.build().parameters {
      guard let name = parameter.name, let value = g.value(named: name),
        let gradient = g.value(named: "d_loss/d_\(name)")
      else { continue }
      g.with(scope: [], role: .update) {
        g.update(value, to: value - gradient * g.float(0.001))
      }
    }
    return g.build()
  }
}
