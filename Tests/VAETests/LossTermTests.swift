import Ayatori
import Testing
@testable import VAE

/// Which scalars are the roots of a gradient, and that those added up image by image are told apart
/// as those of the batch are.
@Suite struct LossTermTests {
  private static func split(_ lines: String, _ estimator: String = "pathwise") throws
    -> GradientSplit
  {
    let graph = try Training.graph(
      text: """
        graph g {
          dim N
          input x: f64[N, 3]
          param w: f64[3, 2] init normal(mean: 0, stddev: 1)
          const beta: f64 = 0.5
          m = matmul(x, w)
          lv = 0.3 * m
          z ~ normal(mean: m, log_variance: lv\(draws(estimator))) estimator \(estimator)
          pixels = square(z - 0.5)
          rec = sum(pixels, axes: [1])
          kls = kl_normal(mean: m, log_variance: lv)
          kl = sum(kls, axes: [1])
          \(lines)
          output loss
        }
        """)
    let x = NDArray((0..<15).map { Double($0) * 0.1 - 0.6 }, shape: [5, 3])
    return try GradientSplit(graph, feeds: Feeds(inputs: ["x": x], seed: 4))
  }

  private static func draws(_ estimator: String) -> String {
    estimator == "score_leave_one_out" ? ", draws: 3" : ""
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

  @Test(arguments: [
    // A name for each image counts before the batch is reduced; one of the two is enough.
    ("loss = mean(rec + sum(abs(m), axes: [1]))", ["rec", "sum(abs(m), axes: [1])"]),
    // Names in a row are one.
    ("cost = sum(rec)\n  all = cost + sum(kl)\n  loss = all / N", ["cost", "sum(kl)"]),
    // What is a term for each image is another one in a sum of its own.
    ("loss = mean(rec + kl) + sum(kl)", ["rec", "kl", "sum(kl)"]),
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

  /// A scalar with a name beside another term stays whole.
  @Test func dont_openANameBesideAnother() throws {
    let split = try Self.split("both = mean(rec) + mean(kl)\n  loss = both + 0.1 * sum(square(m))")
    #expect(split.terms.map(\.name).sorted() == ["both", "sum(square(m))"])
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
      role: "mean", name: "m", array: array, value: statistics, parts: [], gradient: array,
      total: statistics, partsError: 1, partsErrorUlps: ulps)
    #expect(row.partsFault(of: "loss")?.id == (isWhole ? nil : "parts-mismatch"))
  }

  /// What is no number is told of where it was born.
  @Test func dont_callNaNAMissingPart() throws {
    let split = try Self.split("loss = mean(rec + kl) + sum(sqrt(m - 100))")
    #expect(split.rows[0].partsError.isNaN && split.rows[0].partsFault(of: "loss") == nil)
  }
}
