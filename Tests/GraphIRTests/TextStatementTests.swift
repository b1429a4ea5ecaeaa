import GraphIR
import Testing

@Suite("Statements of the text language")
struct TextStatementTests {
  static let vae = """
    // A small VAE.
    graph vae {
      dim N                       // batch
      dim D = 4*3, H = 8, Z = 2
      const beta = 1.0
      const k: f64 = N - 1
      input x: f32[N, D]
      layer fc1 = linear(D, H) init zeros
      layer fc2 = linear(out: Z, in: H)
      scope encoder { h1 = relu(fc1(x)) mu: f32[N, Z] = fc2(h1) }
      scope sampling { z ~ normal(mean: mu, log_variance: mu) }
      scope loss {
        kld = sum(kl(mu, log_variance: mu))
        "latent loss" = beta * kld /* weighted /* nested */ */
        total = kld
      }
      state steps: i64 init zeros
      update steps = steps + 1
      output "latent loss", kld, mean = z
    }
    """

  @Test("The whole language in one text")
  func everything() throws {
    let graph = try graph(Self.vae)
    #expect(
      graph.text() == """
        graph vae {
          dim N
          dim D = 12
          dim H = 8
          dim Z = 2
          const beta: f32 = 1.0
          const k: f64 = N - 1
          input x: f32[N, D]
          param fc1.W: f32[H, D] init zeros
          param fc1.b: f32[H] init zeros
          param fc2.W: f32[Z, H] init torch_linear(fan_in: H)
          param fc2.b: f32[Z] init zeros
          scope encoder {
            %7: f32[N, H] = linear(x, fc1.W, fc1.b)
            h1: f32[N, H] = relu(%7)
            mu: f32[N, Z] = linear(h1, fc2.W, fc2.b)
          }
          scope sampling {
            noise z.eps: f32[N, Z] ~ normal
            z: f32[N, Z] ~ normal(mean: mu, log_variance: mu, noise: z.eps)
          }
          scope loss {
            %12: f32[N, Z] = kl(mu, log_variance: mu)
            kld: f32[] = sum(%12)
            total = kld
            "latent loss": f32[] = mul(beta, kld)
          }
          state steps: i64[] init zeros
          const %16: i64 = 1 @update
          %17: i64[] = add(steps, %16) @update
          output "latent loss", kld, mean = z
          update steps = %17
        }

        """)
    expectRoundTrip(graph)
    #expect(verify(graph).isEmpty)
  }

  @Test("Every initialiser")
  func initializers() throws {
    let graph = try body(
      """
      dim D = 3
      param a: f32[D] init zeros             param b: f32[D] init constant(0.5)
      param c: f32[D] init uniform(low: -1, high: 1)
      param d: f32[D] init normal(mean: 0, stddev: 0.1)
      param e: f32[D] init xavier_uniform(fan_in: D, fan_out: 2*D)
      param f: f32[D] init torch_linear(D)   param g: f32[D] init lecun_normal(fan_in: D)
      state h: i64 init constant(3)
      """)
    let d = Dim.symbol("D")
    #expect(
      try graph.persistent.map(\.leaf) == [
        .parameter(.zeros), .parameter(.constant(.float(0.5))),
        .parameter(.uniform(low: -1, high: 1)),
        .parameter(.normal(mean: 0, standardDeviation: 0.1)),
        .parameter(.xavierUniform(fanIn: d, fanOut: d.adding(d))),
        .parameter(.torchLinear(fanIn: d)), .parameter(.lecunNormal(fanIn: d)),
        .state(.constant(.int(3))),
      ] as [Leaf?])
    expectRoundTrip(graph)
  }

  @Test("Keywords are contextual: only true, false, inf and nan are reserved")
  func contextualKeywords() throws {
    let words = [
      "dim", "const", "input", "param", "state", "noise", "layer", "scope", "output", "update",
      "graph", "init", "estimator", "normal", "f32", "linear", "relu", "adjoint",
    ]
    var text = "input x: f32\n"
    var last = "x"
    for word in words {
      text += "\(word) = relu(\(last) + x)\n"
      last = word
    }
    text += "input \"true\": f32 param init.a: f32 init zeros output output, update, \"true\"\n"
    let graph = try body(text)
    for word in words { #expect(graph.node(named: word) != nil) }
    expectRoundTrip(graph)
  }

  @Test("Quoted names may be anything but empty")
  func quotedNames() throws {
    let graph = try body(
      #"""
      dim N
      input "N": f32[N]
      "a \"b\" \\ \n \u{1F600} %1" = relu("N")
      あやとり = tanh("a \"b\" \\ \n 😀 %1")
      "%7" = relu(あやとり)
      %7 = tanh("%7")
      le1.0 = %007
      output "%7", le1.0
      """#)
    #expect(graph.node(named: "a \"b\" \\ \n 😀 %1") != nil)
    #expect(graph.nodes.last?.name == "le1.0")
    #expect(graph.nodes.first?.name == "N")
    expectRoundTrip(graph)
  }

  @Test("Names are one flat space; equal nodes are one with aliases")
  func aliases() throws {
    let graph = try body(
      """
      input x: f32
      scope a { h = relu(x) }
      scope b { g = relu(x)  k = g }
      %9 = tanh(k)
      t = %9
      """)
    #expect(graph.nodes.count == 3)
    #expect(graph.nodes[1].aliases == ["g", "k"])
    #expect(graph.nodes[2].name == "t")
    expectRoundTrip(graph)
  }

  @Test("Sampling makes its noise, or takes the one given")
  func sampling() throws {
    let graph = try body(
      """
      dim N, Z
      input mu: f64[N, Z]  input s: f64[Z]
      z ~ normal(mean: mu, stddev: s) estimator score
      noise e: f64[N, Z] ~ normal
      w: f64[N, Z] ~ normal(mean: mu, log_variance: 0, noise: e)
      %3 ~ normal(mean: mu, log_variance: s)
      v ~ normal(mu, stddev: 1) estimator pathwise
      estimator = v
      """)
    #expect(graph.noises.map(\.label) == ["z.eps", "e", "sample.eps", "v.eps"])
    #expect(graph.noises.allSatisfy { $0.type == ValueType(.f64, [.symbol("N"), .symbol("Z")]) })
    #expect(
      lines(graph).contains(
        "z: f64[N, Z] ~ normal(mean: mu, stddev: s, noise: z.eps) estimator score"))
    #expect(graph.node(named: "estimator")?.name == "v")
    expectRoundTrip(graph)
  }

  @Test("Roles refer to nodes before and after, by name or id")
  func roles() throws {
    let graph = try body(
      """
      input mu: f32
      const one: f32 = 1.0 @adjoint(of: loss, root: "the loss")
      g = mul(one, mu) @adjoint(of: mu, root: "the loss", through: %5)
      h = g * 0.5 @update
      o = h + 1.0 @adjoint(root: loss)
      %5 = relu(mu)
      loss = sum(%5)
      """)
    func role(_ name: String) -> Role? { graph.node(named: name)?.role }
    let five = try #require(graph.nodes.first { $0.definition?.name == "relu" }).id
    let loss = try #require(graph.node(named: "loss")).id
    #expect(role("one") == .adjoint(of: loss, root: "the loss", through: nil))
    #expect(role("g") == .adjoint(of: NodeID(0), root: "the loss", through: five))
    #expect(role("h") == .update)
    #expect(role("o") == .adjoint(of: nil, root: "loss", through: nil))
    #expect(role("loss") == .forward)
    expectRoundTrip(graph)
  }

  @Test("Outputs: a new expression is named, a reference is not")
  func outputs() throws {
    let graph = try body(
      "input a: f32 b = relu(a) output total = a + b, b, other = b, half = 0.5")
    #expect(graph.outputs.map(\.name) == ["total", "b", "other", "half"])
    #expect(graph.node(named: "total")?.definition?.name == "add")
    #expect(graph.node(named: "other") == nil)
    #expect(lines(graph).last == "output total, b, other = b, half")
    expectRoundTrip(graph)
  }

  @Test("A size that is a number prints and reads back as one")
  func constantSizes() {
    let builder = GraphBuilder("g")
    builder.output("n", builder.size(784, .f32, name: "n"))
    let graph = builder.build()
    #expect(graph.nodes[0].leaf == .constant(.int(784)))
    expectRoundTrip(graph)
  }

  @Test("Nodes remember where they stand")
  func locations() throws {
    let graph = try body("input x: f32\n  h = relu(x +\n 1)")
    #expect(graph.node(named: "x")?.location?.line == 2)
    #expect(graph.node(named: "h")?.location?.line == 3)
    #expect(graph.node(named: "h")?.location?.column == 7)
  }

  @Test("One mistake, one message: what depends on it is silent")
  func poison() {
    #expect(
      complaints(
        """
        input x: f32[M]
        h = relu(x) g = h + 1 layer fc = liner(M, M) k = fc(h)
        z ~ normal(mean: h, stddev: g) update z = h output g, z
        inptu q: f32 r = q * q
        s = nope(q) + s2
        """) == [
          "unknown-dimension", "unknown-layer", "unknown-statement", "unknown-op", "unknown-name",
        ])
  }

  @Test("After a syntax error the next statements are read")
  func recovery() {
    #expect(
      complaints(
        """
        dim N = , M = 3
        input x: f32[M]
        a = relu(x
        b = tanh(x))
        scope s { c = * x   d = relu(c) + nope }
        e = sum(x, keepdims=true) f = sum(x, axes: [
        g = x +
        h: f32[M] = relu(x)
        output a, b, c, d, e, f, g, h, i
        """) == [
          "syntax", "syntax", "syntax", "syntax", "unknown-name", "keyword-equals", "syntax",
          "syntax", "unknown-name",
        ])
  }
}

@Suite("Overrides from the command line")
struct TextOverrideTests {
  private let text = """
    dim N  dim Z = 20  const beta = 1.0  const steps: i64 = 3  const n: f32 = 2*N
    const on = true  gain = 0.5  input x: f32[N, Z]  y = x * beta * 1.0
    """

  @Test("Dims and named constants take the values given")
  func values() throws {
    let graph = try body(
      text,
      overrides: Overrides(
        dims: ["Z": 2, "N": 0],
        consts: ["beta": .int(4), "n": .float(7), "on": .bool(false), "gain": .float(2)]))
    #expect(graph.dimensions.map(\.defaultSize) == [0, 2])
    #expect(graph.node(named: "beta")?.leaf == .constant(.int(4)))
    #expect(graph.node(named: "n")?.leaf == .constant(.float(7)))
    #expect(graph.node(named: "on")?.leaf == .constant(.bool(false)))
    #expect(graph.node(named: "gain")?.leaf == .constant(.float(2)))
    // The literal 1.0 is another node than beta.
    #expect(graph.nodes.contains { $0.leaf == .constant(.float(1)) && $0.name == nil })
    expectRoundTrip(graph)
  }

  @Test("What cannot be set is said")
  func mistakes() {
    let result = parsed(
      "graph g { \(text) }",
      overrides: Overrides(
        dims: ["ZZ": 2, "N": -1], consts: ["betta": .int(1), "N": .int(2), "steps": .float(0.5)]))
    #expect(result.graph == nil)
    #expect(
      result.diagnostics.map { "\($0.place ?? "") \($0.id) \($0.fix ?? "")" } == [
        "--dim N=-1 override-value ", "--const steps=0.5 override-value ",
        "--dim ZZ unknown-override did you mean 'Z'?",
        "--const N unknown-override 'N' is a dimension: --dim N=…",
        "--const betta unknown-override did you mean 'beta'?",
      ])
  }
}
