import Ayatori
import Testing
@testable import VAE

/// Which scalars are the roots of a gradient, and that those added up image by image are told apart
/// as those of the batch are.
@Suite struct LossTermTests {
  private static func split(_ lines: String, _ estimator: String = "pathwise") throws
    -> GradientSplit
  {
    let graph = try BatchModel.graph(
      """
      pixels = square(z - 0.5)
        rec = sum(pixels, axes: [1])
        kls = kl_normal(mean: m, log_variance: lv)
        kl = sum(kls, axes: [1])
        \(lines)
      """, estimator)
    return try GradientSplit(graph, node: "z", feeds: BatchModel.feeds())
  }

  /// The same loss with its terms reduced before they are added, which are scalars.
  @Test(
    arguments: [
      "pathwise", "pathwise_mc_kl", "sticking_the_landing", "score", "score_mean_baseline",
      "score_best_baseline", "score_leave_one_out",
    ],
    [
      ("loss = mean(rec + beta * kl)", "loss = mean(rec) + beta * mean(kl)", [1, 0.5]),
      ("loss = sum(beta * kl + rec) / N", "loss = sum(rec) / N + beta * sum(kl) / N", [0.2, 0.1]),
      (
        "elbo = -rec - beta * kl\n  loss = -mean(elbo)", "loss = mean(rec) + beta * mean(kl)",
        [1, 0.5]
      ),
      (
        "some = mean(kl)\n  loss = sum(rec - some)", "loss = sum(rec) - N * mean(kl)", [1, -5]
      ),
    ])
  func termsOfImagesAreThoseOfTheBatch(
    estimator: String, loss: (images: String, batch: String, weights: [Double])
  ) throws {
    let own = try Self.split(loss.images, estimator)
    let other = try Self.split(loss.batch, estimator)
    #expect(own.terms.count == 2 && other.terms.count == 2)
    #expect(["kl", "some"].contains(own.terms[1].name) && own.terms[0].name == "rec")
    for (a, b) in zip(own.terms, other.terms) {
      #expect(abs(a.value - b.value) <= 1e-13 * abs(b.value), "\(a.name): \(a.value), \(b.value)")
      #expect(a.weight == b.weight)
    }
    #expect(zip(own.terms, loss.weights).allSatisfy { abs($0.weight - $1) < 1e-15 })
    for (a, b) in zip(own.rows, other.rows) {
      #expect(
        a.partsErrorUlps <= 4 && a.partsFault(of: "loss") == nil, "\(a.name): \(a.partsErrorUlps)")
      for (part, wanted) in zip(a.parts, b.parts) {
        let (got, right) = (part.gradient?.doubles ?? [], wanted.gradient?.doubles ?? [])
        let scale = right.map(abs).max() ?? 0
        let isNear = zip(got, right).allSatisfy { abs($0 - $1) <= 1e-12 * scale }
        #expect(got.count == right.count && isNear, "\(a.name) from \(part.term)")
      }
    }
  }

  /// What a term is does not depend on how its sum is called, signed, scaled or added up: names,
  /// values and weights are those of the sum written out, under each estimator.
  @Test(
    arguments: ["pathwise", "sticking_the_landing", "score", "score_leave_one_out"],
    [
      // A bound that is taken away costs what it is made of, one by one.
      (
        "elbo = -(rec + beta * kl)\n  loss = mean(-elbo - 0.3 * kl)",
        "loss = mean(rec + 0.2 * kl)"
      ),
      (
        "elbo = -rec - beta * kl\n  loss = mean(-elbo + reg)",
        "loss = mean(rec + 0.5 * kl + reg)"
      ),
      (
        "elbo = -mean(rec + beta * kl)\n  loss = -elbo + mean(reg)",
        "loss = mean(rec + 0.5 * kl) + mean(reg)"
      ),
      (
        "elbo = mean(-rec - beta * kl)\n  loss = mean(reg) - elbo",
        "loss = mean(rec + 0.5 * kl) + mean(reg)"
      ),
      ("elbo = -rec\n  loss = mean(kl) - -1.0 * mean(-elbo)", "loss = mean(kl) + mean(rec)"),
      // Factors and constants are in no term.
      (
        "loss = mean(2 * (rec - 1)) + mean(kl)", "loss = mean(2 * rec - 2) + mean(kl)"
      ),
      ("loss = sum(-(kl / 4)) + mean(rec)", "loss = mean(rec) - 1.25 * mean(kl)"),
      // A sum is five means.
      (
        "t = rec + beta * kl\n  loss = mean(t) + 0.1 * sum(t)", "loss = mean(1.5 * rec + 0.75 * kl)"
      ),
      // One sum by two ways, of which one stops at a name.
      (
        "t = rec + beta * kl\n  loss = mean(t) + mean(t + reg)",
        "loss = mean(2 * rec + kl + reg)"
      ),
      ("loss = mean(rec - 0.5 * kl) + mean(kl)", "loss = mean(rec + 0.5 * kl)"),
      ("loss = mean(rec + reg + kl) + sum(kl)", "loss = mean(rec + reg + 6 * kl)"),
      // Constants may be arrays.
      (
        "const two: f64 = 2.0\n  loss = mean(rec + kl + broadcast_to(two, shape: [N]))",
        "loss = mean(rec + kl) + 2"
      ),
      (
        "const two: f64 = 2.0\n  loss = mean(rec - broadcast_to(two, shape: [N]) / 4) + sum(kl)",
        "loss = mean(rec) + sum(kl) - 0.5"
      ),
      (
        "loss = sum(rec - mean(kl + reg)) + mean(kl + reg)",
        "loss = 5 * mean(rec) - 4 * mean(kl) - 4 * mean(reg)"
      ),
    ])
  func termsAreThoseOfTheSumWrittenOut(
    estimator: String, loss: (text: String, plain: String)
  ) throws {
    let reg = "reg = sum(abs(m), axes: [1])\n  "
    let (own, plain) = (
      try Self.split(reg + loss.text, estimator), try Self.split(reg + loss.plain, estimator)
    )
    func shortName(_ term: GradientSplit.Term) -> String {
      term.name.hasPrefix("mean(") ? String(term.name.dropFirst(5).dropLast()) : term.name
    }
    let wanted = Dictionary(
      plain.terms.map { (shortName($0), $0) }, uniquingKeysWith: { a, _ in a })
    #expect(Set(own.terms.map(shortName)) == Set(wanted.keys), "\(own.terms)")
    var sum = own.constant ?? 0
    for term in own.terms {
      sum += term.weight * term.value
      guard let other = wanted[shortName(term)] else { continue }
      let whole = term.weight * term.value
      #expect(abs(whole - other.weight * other.value) <= 1e-13 * abs(whole), "\(term), \(other)")
    }
    #expect(abs((own.constant ?? 0) - (plain.constant ?? 0)) < 1e-14)
    #expect(abs(sum - own.lossValue) <= 1e-13 * abs(sum))
    for (a, b) in zip(own.rows, plain.rows) {
      #expect(a.partsErrorUlps <= 8, "\(a.name): \(a.partsErrorUlps)")
      #expect(abs((a.total?.norm ?? 0) - (b.total?.norm ?? 0)) <= 1e-12 * (b.total?.norm ?? 0))
    }
  }

  /// The values of terms have no weights in them.
  @Test func weightsAreToldApart() throws {
    let split = try Self.split("t = rec + beta * kl\n  loss = mean(t) + 0.1 * sum(t)")
    let alone = try Self.split("loss = mean(rec) + mean(kl)")
    for ((term, own), weight) in zip(zip(split.terms, alone.terms), [1.5, 0.75]) {
      #expect(abs(term.value - own.value) < 1e-14 && abs(term.weight - weight) < 1e-15)
    }
    let constant = try Self.split("loss = mean(2 * (rec - 1)) + mean(kl)")
    #expect(constant.terms.map(\.name) == ["rec", "mean(kl)"] && constant.constant == -2)
    #expect(constant.terms.map(\.weight) == [2, 1])
  }

  /// What is averaged here and summed there is told by its mean, in whichever order.
  @Test(arguments: [
    "loss = mean(rec + beta * kl) + 0.1 * sum(rec + 0.2 * kl)",
    "loss = 0.1 * sum(rec + 0.2 * kl) + mean(rec + beta * kl)",
  ])
  func aMeanCountsBeforeASum(lines: String) throws {
    let split = try Self.split(lines)
    let alone = try Self.split("loss = mean(rec) + mean(kl)")
    #expect(split.terms.map(\.name) == ["rec", "kl"])
    for ((term, own), weight) in zip(zip(split.terms, alone.terms), [1.5, 0.6]) {
      #expect(abs(term.value - own.value) < 1e-14 && abs(term.weight - weight) < 1e-15, "\(term)")
    }
  }

  @Test func dont_averageWhatIsOnlySummed() throws {
    let split = try Self.split("loss = sum(rec) + sum(rec + beta * kl)")
    let alone = try Self.split("loss = sum(rec) + sum(kl)")
    for term in split.terms where term.name == "rec" || term.name == "kl" {
      let own = alone.terms.first { $0.name.contains(term.name) }
      #expect(abs(term.value - (own?.value ?? .nan)) < 1e-12, "\(term)")
    }
  }

  /// Whichever draw is looked at, the terms are the same; a draw may be one.
  @Test(arguments: ["pathwise", "score", "score_mean_baseline"])
  func termsDoNotDependOnTheNode(estimator: String) throws {
    let graph = try BatchModel.graph(
      """
      y ~ normal(mean: sum(m, axes: [1]), stddev: 0.7) estimator \(estimator)
        rec = sum(square(z - 0.5), axes: [1])
        p = square(y)
        loss = mean(rec + 0.1 * y + 0.5 * p)
      """, estimator)
    for node in ["y", "z"] {
      let split = try GradientSplit(graph, node: node, feeds: BatchModel.feeds())
      #expect(split.terms.map(\.name) == ["y", "rec", "p"], "\(node)")
      for (term, weight) in zip(split.terms, [0.1, 1, 0.5]) {
        #expect(abs(term.weight - weight) < 1e-15, "\(term)")
      }
      let largest = split.rows.map(\.partsErrorUlps).max() ?? .nan
      #expect(largest <= 4)
      let sum = split.terms.reduce(0) { $0 + $1.weight * $1.value }
      #expect(abs(sum - split.lossValue) < 1e-13)
    }
    // d mean(0.1 y) / dy is 0.1/5 everywhere, the draw's own place, under every estimator.
    let split = try GradientSplit(graph, node: "y", feeds: BatchModel.feeds())
    let own = split.rows[2].parts[0].gradient?.doubles ?? []
    let errors = own.map { abs($0 - 0.02) }
    #expect(errors.count == 5 && (errors.max() ?? .nan) < 1e-15)
  }

  @Test(arguments: [
    // A name for each image counts before the batch is reduced; one of the two is enough.
    ("loss = mean(rec + sum(abs(m), axes: [1]))", ["rec", "sum(abs(m), axes: [1])"]),
    // Names in a row are one.
    ("cost = sum(rec)\n  all = cost + sum(kl)\n  loss = all / N", ["cost", "sum(kl)"]),
    // What is a term for each image is the same one in a sum of its own.
    ("loss = mean(rec + kl) + sum(kl)", ["rec", "kl"]),
    ("loss = mean(rec - kl) + mean(kl)", ["rec", "kl"]),
    ("loss = sum(kl) / N + mean(rec + kl)", ["rec", "kl"]),
    // The same term by two ways is one.
    ("loss = mean(rec + kl) + sum(rec - kl)", ["rec", "kl"]),
  ])
  func namesAreTerms(lines: String, names: [String]) throws {
    let split = try Self.split(lines)
    #expect(split.terms.map(\.name).sorted() == names.sorted())
    #expect(split.rows.allSatisfy { $0.partsErrorUlps <= 4 })
  }

  @Test(arguments: [
    // Nobody named what is added up.
    "loss = mean(sum(square(z), axes: [1]) + sum(abs(z), axes: [1]))",
    // Elements are no terms.
    "loss = mean(pixels + kls)",
    // The divergence written out is one.
    "loss = 0.5 * sum(square(m) + exp(lv) - lv - 1) + 0 * sum(z)",
    // A name that stands for the sum of others, but not alone.
    "loss = mean(rec * kl)",
  ])
  func dont_takeAFormulaForTerms(lines: String) throws {
    let names = try Self.split(lines).terms.map(\.name)
    let isOne = names == ["loss"] || names.count == 2 && lines.contains("0 * sum(z)")
    #expect(isOne, "\(names)")
  }

  /// A name that is taken away stays, where it is no sum of what somebody named; so does one that
  /// costs, and an image's cost that nobody scaled.
  @Test(arguments: [
    ("gain = mean(kl)\n  loss = mean(rec) - gain", ["mean(rec)", "gain"]),
    ("gain = sum(square(z)) + sum(abs(m))\n  loss = mean(rec) - gain", ["mean(rec)", "gain"]),
    (
      "both = rec + kl\n  loss = mean(both + sum(abs(m), axes: [1]))",
      [
        "sum(abs(m), axes: [1])", "both",
      ]
    ),
    ("loss = 2 * mean(rec) + mean(pixels * 0.5)", ["mean(rec)", "mean(mul(pixels, 0.5))"]),
  ])
  func dont_openWhatIsATerm(lines: String, names: [String]) throws {
    let found = try Self.split(lines).terms.map(\.name)
    #expect(found.sorted() == names.sorted())
  }

  /// A scalar that somebody named is told by itself, whatever it is the mean of.
  @Test func dont_openANamedMeanOfATerm() throws {
    let split = try Self.split("some = mean(kl)\n  loss = mean(rec - kl) + some")
    #expect(split.terms.map(\.name).sorted() == ["kl", "rec", "some"])
  }

  /// A constant array weighs elements, it is no weight of a term.
  @Test func dont_takeAnArrayForAWeight() throws {
    let split = try Self.split(
      "const two: f64 = 2.0\n  loss = mean(kl * broadcast_to(two, shape: [N])) + mean(rec)")
    let isWhole = split.terms.map(\.weight) == [1, 1]
    #expect(isWhole && split.constant == nil, "\(split.terms)")
  }

  /// A scalar with a name beside another term stays whole.
  @Test func dont_openANameBesideAnother() throws {
    let split = try Self.split("both = mean(rec) + mean(kl)\n  loss = both + 0.1 * sum(square(m))")
    #expect(split.terms.map(\.name).sorted() == ["both", "sum(square(m))"])
  }

  /// A term without a way to the loss is a mistake of ours, and no term of weight 1.
  @Test func dont_weighWhatIsNoTerm() async {
    let result = await #expect(processExitsWith: .failure) {
      let graph = try BatchModel.graph("rec = sum(square(z))\n  loss = sum(abs(z))")
      let loss = try #require(graph.value(named: "loss"))
      let rec = try #require(graph.value(named: "rec"))
      _ = weighedTerms(
        graph, loss: loss.id, terms: [rec.id], in: GraphBuilder(continuing: graph))
    }
    guard case .signal = result?.exitStatus else {
      Issue.record("\(String(describing: result?.exitStatus)) is no trap")
      return
    }
  }

  // MARK: What is said of a term

  /// Refusals name what stands in the text, not what weighing the terms made of it.
  @Test(arguments: ["pathwise", "score", "sticking_the_landing"])
  func refusalsNameWhatSomebodyWrote(estimator: String) throws {
    let split = try Self.split(
      """
      y ~ normal(mean: sum(x, axes: [1]), stddev: 0.7)
        loss = mean(rec + beta * kl + 0.1 * y)
      """, estimator)
    let refusals = split.rows.flatMap { row in
      row.parts.compactMap { $0.refusal.map { "\(row.name): \($0)" } }
    }
    let isSampled = estimator == "sticking_the_landing"
    #expect(refusals.count == (isSampled ? 3 : 4), "\(refusals)")
    #expect(
      refusals.contains("z: no gradient reaches it: 'y' does not depend on 'z'"), "\(refusals)")
    #expect(refusals.allSatisfy { !$0.contains("reduced") && !$0.contains(".cost") })
  }

  /// What is added here and taken away there is told as that, other weights of 0 are not.
  @Test func whatCancelsIsSaid() throws {
    let split = try Self.split("loss = mean((square(kl) + rec) - (rec - kl))")
    let cancelling = split.terms.filter(\.cancels)
    #expect(cancelling.map(\.name) == ["rec"] && cancelling.map(\.weight) == [0])
    let graph = try BatchModel.graph(
      """
      rec = sum(square(z), axes: [1])
        kl = sum(kl_normal(mean: m, log_variance: lv), axes: [1])
        loss = mean((square(kl) + rec) - (rec - kl))
      """)
    var options = GradientFlow.Options()
    options.draws = 2
    let report = try GradientFlow(graph, feeds: BatchModel.feeds(), options: options).report
    let head = report.text.split(separator: "\n")[2]
    #expect(head.contains(" 0 · rec ") && head.contains(" (cancels)"), "\(head)")
    #expect(report.terms.filter(\.cancels).map(\.name) == ["rec"])
  }

  @Test(arguments: [
    "loss = mean(rec + 0 * kl) + 0 * sum(kl)", "loss = mean(rec - kl) + 0.5 * mean(0.5 * kl)",
  ])
  func dont_callWhatStaysOrNeverCameCancelled(lines: String) throws {
    #expect(try Self.split(lines).terms.allSatisfy { !$0.cancels })
  }

  // MARK: What parts come to

  /// Half of the digits are for rounding on the way; a part that is missing shows.
  @Test(arguments: [
    (DType.f32, 4.0, true), (.f32, 2000, true), (.f32, 4000, false), (.f64, 1e6, true),
    (.f64, 1e8, false), (.f32, .infinity, false),
  ])
  func partsThatDoNotSumAreSeen(dtype: DType, ulps: Double, isWhole: Bool) {
    let array = NDArray(converting: [1], to: dtype, shape: [])
    let statistics = ArrayStatistics([1], shape: [])
    let row = GradientSplit.Row(
      role: "mean", name: "m", array: array, furtherArrays: [], value: statistics, parts: [],
      gradient: array,
      total: statistics, partsError: 1, partsErrorUlps: ulps)
    #expect(row.partsFault(of: "loss")?.id == (isWhole ? nil : "parts-mismatch"))
  }

  /// What is no number is told of where it was born.
  @Test func dont_callNaNAMissingPart() throws {
    let split = try Self.split("loss = mean(rec + kl) + sum(sqrt(m - 100))")
    #expect(split.rows[0].partsError.isNaN && split.rows[0].partsFault(of: "loss") == nil)
  }
}
