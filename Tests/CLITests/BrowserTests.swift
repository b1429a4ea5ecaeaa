import Ayatori
import Foundation
import Testing

/// The page of `gradflow --html` in a real browser. With `#selftest` the page uses its own controls
/// and writes down what they show; Chromium prints the document that comes of it.
@Suite(
  .enabled(
    if: Tool.hasGraphviz && Browser.isHere,
    "Graphviz or Debian's chromium is not installed: Tools/setup chromium"))
struct BrowserTests {
  /// The page for a graph, and the report that `--json` prints of the same run.
  private static func page(
    _ graph: String, _ flags: [String], in directory: String, extra: [String] = []
  ) throws -> (record: Browser.Record, report: [String: Any], html: String) {
    let arguments = ["gradflow", graph, "--draws", "4"] + flags
    let made = try Tool.run(
      arguments + ["--html", "page.html", "--json"] + extra, in: directory)
    // What is planted, or wrong on purpose, is found, and the page is there all the same.
    let found =
      (flags.contains("--plant") ? ["not-finite"] : [])
      + (graph.contains("negative_scale") ? ["scale-not-positive"] : [])
    #expect(made.ids == found, "\(made.err)")
    #expect(made.status == (found.isEmpty ? 0 : 2))
    let report = try #require(
      try JSONSerialization.jsonObject(with: Data(made.out.utf8)) as? [String: Any])
    let html = try String(contentsOfFile: directory + "page.html", encoding: .utf8)
    return (try Browser.selfTest(directory + "page.html", in: directory), report, html)
  }

  // MARK: Both VAEs

  @Test(arguments: ["vae_pytorch", "vae_chainer"])
  func everyControlDoesSomething(name: String) throws {
    try Tool.withDirectory { directory in
      let (record, report, html) = try Self.page(
        "Graphs/\(name).aya", ["--data", "digits", "--dim", "D=64", "--batch-size", "16"],
        in: directory)
      #expect(html.utf8.count < 1_000_000)
      #expect(record.errors == [] && record.console == [])
      #expect(record.width <= 0, "the page is \(record.width) px wider than the window")

      let terms = try #require(report["terms"] as? [[String: Any]]).map { $0["name"] as? String }
      let views = record.views
      #expect(views.map(\.view) == ["forward", "0", "1", "2", "compiled"])
      // Forward shows no gradient; each root another set of arrows, in a line style of its own.
      #expect(views[0].arrows.isEmpty && views[0].amounts.isEmpty && views[0].blocked.isEmpty)
      #expect(Set(views.map(\.arrows)).count == 4)
      #expect(Set(views[1...3].map(\.styles)).count >= 2 && views[1].styles != views[2].styles)
      #expect(Set(views[3].arrows).isSuperset(of: views[1].arrows))
      #expect(Set(views[3].arrows).isSuperset(of: views[2].arrows))
      #expect(views.map(\.live).count == Set(views.map(\.live)).count)
      // The reconstruction comes through the draw and stops at the noise; the KL term does not.
      #expect(views[1].blocked.count == 1 && views[2].blocked.isEmpty)
      #expect(views[1].reasons == ["noise: nothing flows into randomness"])
      #expect(views[1].amounts.contains("no gradient"))
      #expect(Set(views[1].widths).count > 3)
      #expect(views[3].hulls == 0 && views[4].hulls > 5)
      #expect(views[4].amounts.contains { $0.hasSuffix(" ulp") })
      #expect(views[1].key.contains("blocked") && views[4].key.contains("fused group"))
      #expect(views[4].panel.contains("compiled") && !views[3].panel.contains("compiled"))

      // Which graph is looked at is said, and what nodes compute is mathematics.
      #expect(Set(views.map(\.what)).count == views.count)
      #expect(views[..<4].allSatisfy { $0.what.contains("the graph as written") })
      #expect(views[4].what.contains("the graph that runs, stabilised"))
      let isPyTorch = name == "vae_pytorch"
      let draw = isPyTorch ? "mu + σ ⊙ ε" : "z_mu + σ ⊙ ε"
      let scale = "where σ = exp(\(isPyTorch ? "logvar" : "z_ln_var")/2), ε ~ N(0, 1)"
      for view in views { #expect(view.panel.contains(draw) && view.panel.contains(scale)) }
      #expect(views[3].panel.contains("∂loss/∂z = ") && !views[1].panel.contains("∂loss/∂z = "))

      let fit = try Browser.fit(html, width: 400, in: directory)
      #expect(fit.width == 400 && fit.excess.count > 10 && fit.graph >= 300 && fit.heading >= 80)
      #expect(fit.excess.allSatisfy { $0 <= 0 } && Set(fit.outside).isEmpty, "\(fit)")

      // Zoom, theme, keys.
      let steps = Dictionary(uniqueKeysWithValues: record.steps.map { ($0.did ?? "", $0) })
      let cameras = try ["p-in", "p-out", "p-fit"].map { try #require(steps[$0]).camera }
      #expect(Set(cameras).count == 3)
      #expect(Set([steps["p-site"]?.theme, steps["p-theme"]?.theme]).count == 2)
      let walked = ["ArrowUp", "ArrowRight", "ArrowDown", "ArrowLeft"].compactMap {
        steps[$0]?.focus
      }
      #expect(walked.count == 4 && walked.allSatisfy { $0.hasPrefix("box") })
      #expect(walked[0] != walked[1] && walked[1] != walked[2])
      // Enter speaks of the box that has the focus.
      let last = try #require(steps["Enter"])
      let pressed = record.panels.first { $0.id == last.focus }
      #expect(pressed?.label == last.live)
      #expect(record.panels.allSatisfy { $0.pressed == "true" && !$0.label.isEmpty })
      let texts = Set(record.panels.map(\.text))
      #expect(texts.count == record.panels.count)
      #expect(terms.allSatisfy { term in texts.contains { $0.contains("∂\(term ?? "?")") } })
      #expect(record.moments == [])
    }
  }

  /// The score comes on a way of its own, and the bars at the draw say so.
  @Test func anEstimatorsDetourIsDrawn() throws {
    try Tool.withDirectory { directory in
      for (estimator, count) in [("score", 2), ("pathwise", 0), ("stopped", 0)] {
        let (record, _, _) = try Self.page(
          "Graphs/linear_gaussian.aya", ["--estimator", estimator], in: directory)
        #expect(record.errors == [] && record.console == [])
        let views = record.views
        #expect(views.map(\.view) == ["forward", "0", "1", "2", "compiled"])
        #expect(views.map { $0.detours.count } == [0, count, 0, count, count], "\(estimator)")
        #expect(views[1].blocked.count == (estimator == "pathwise" ? 1 : 3))
        #expect(views[1].reasons.contains("noise: nothing flows into randomness"))
        #expect(views[1].reasons.count == (estimator == "pathwise" ? 1 : 2))
      }
    }
  }

  /// Every number of the report is on the page, under its own path and as it is.
  @Test(arguments: [
    ("vae_pytorch", ["--data", "digits", "--dim", "D=64", "--batch-size", "8"]),
    ("vae_chainer", ["--data", "digits", "--dim", "D=64", "--dim", "H=20", "--batch-size", "8"]),
    ("linear_gaussian", ["--exact"]), ("linear_gaussian", ["--estimator", "score"]),
    ("linear_gaussian", ["--estimator", "stopped"]),
    ("linear_gaussian", ["--estimator", "pathwise:2"]),
    ("linear_gaussian", ["--plant", "mu:inf"]),
    ("traps/negative_scale", ["--data", "digits", "--dim", "D=64"]),
  ])
  func theNumbersAreTheReports(name: String, flags: [String]) throws {
    try Tool.withDirectory { directory in
      let (record, report, _) = try Self.page("Graphs/\(name).aya", flags, in: directory)
      #expect(record.errors == [] && record.console == [])
      var shown: [String: String] = [:]
      for number in record.numbers where number.count == 2 { shown[number[0]] = number[1] }
      var expected: [(path: String, values: [Double])] = []
      Self.collect(report, "", &expected)
      #expect(expected.count > 40)
      for (path, values) in expected {
        guard let text = shown.removeValue(forKey: path) else {
          Issue.record("\(path) is not shown")
          continue
        }
        let parts = text.trimmingCharacters(in: ["[", "]"]).components(separatedBy: ", ")
          .filter { !$0.isEmpty }.map(Self.value)
        #expect(parts.count == values.count, "\(path): \(text)")
        for (part, value) in zip(parts, values) {
          let isSame =
            part == value || (part.isNaN && value.isNaN)
            || abs(part - value) <= abs(value) * 5.1e-5
          #expect(isSame, "\(path) is \(value) and shows as \(text)")
        }
      }
      #expect(shown.isEmpty, "\(shown)")
    }
  }

  /// Numbers by JSON pointer; an array of numbers is one entry.
  private static func collect(
    _ value: Any, _ path: String, _ found: inout [(path: String, values: [Double])]
  ) {
    let words: [String: Double] = ["inf": .infinity, "-inf": -.infinity, "nan": .nan]
    switch value {
    case let object as [String: Any]:
      for (key, value) in object where !(path.hasPrefix("/nonFinite/") && key == "value") {
        collect(value, path + "/" + key, &found)
      }
    case let list as [Any]:
      let isPlain = ["shape", "index", "firstNonFinite"].contains { path.hasSuffix("/" + $0) }
      if isPlain {
        found.append((path, list.compactMap { ($0 as? NSNumber)?.doubleValue }))
      } else {
        for (index, value) in list.enumerated() { collect(value, "\(path)/\(index)", &found) }
      }
    case let text as String:
      if let word = words[text] { found.append((path, [word])) }
    case let number as NSNumber:
      // Truth values are numbers to Foundation.
      let isTruth = [
        "isExact", "isOwn", "isBiased", "agrees", "isLeaf", "isWeighted", "isTrained",
        "hasStandardPrior", "isLikelihood", "cancels", "isWeightedByBatch",
      ].contains { path.hasSuffix("/" + $0) }
      if !isTruth { found.append((path, [number.doubleValue])) }
    default: break
    }
  }

  /// A number as the page writes it.
  private static func value(_ text: String) -> Double {
    let plain = text.replacingOccurrences(of: "−", with: "-")
      .replacingOccurrences(of: "∞", with: "inf")
    return Double(plain) ?? -12_345.678
  }

  // MARK: A record of training

  @Test func theSliderGoesOverTheCourse() throws {
    try Tool.withDirectory { directory in
      try Tool.write(
        """
        {"format": "ayatori-gradflow", "version": 1, "header": {"graph": "linear_gaussian",
          "node": "z", "estimator": "pathwise", "loss": "loss", "terms": ["recon", "kl"],
          "every": 100, "batch": 1, "draws": 4, "activeAbove": 0.01}, "records": [
          {"step": 100, "epoch": 1, "loss": 4.5,
           "terms": [{"name": "recon", "value": 4.25, "weight": 1},
             {"name": "kl", "value": 0.25, "weight": 1}],
           "rows": [{"name": "mu", "norms": [1.5, null], "total": 1.5}],
           "latents": [{"divergence": 0.25, "meanSigma": 0.75}]},
          {"step": 200, "epoch": 2, "loss": "nan",
           "terms": [{"name": "recon", "value": "inf", "weight": 1},
             {"name": "kl", "value": 0.5, "weight": 1}],
           "rows": [{"name": "mu", "norms": [2.5, 3.5], "total": 4.5, "cosine": -0.125,
             "signalToNoise": 8.5}],
           "latents": [{"divergence": 0.5, "meanSigma": 0.25}]}]}
        """, to: directory + "gradflow.json")
      let (record, _, _) = try Self.page(
        "Graphs/linear_gaussian.aya", [], in: directory, extra: ["--course", "."])
      #expect(record.errors == [] && record.console == [] && record.moments.count == 2)
      let first = try #require(record.moments.first)
      let last = try #require(record.moments.last)
      #expect(first.contains("Step 100, epoch 1: loss 4.5 = recon 4.25, kl 0.25"))
      #expect(first.contains("1.5") && !first.contains("−0.125"))
      #expect(last.contains("Step 200, epoch 2: loss NaN = recon ∞, kl 0.5"))
      for number in ["2.5", "3.5", "−0.125", "8.5"] { #expect(last.contains(number)) }
      let other = try Tool.run(
        [
          "gradflow", "Graphs/linear_gaussian.aya", "--estimator", "score", "--html", "other.html",
          "--course", ".",
        ], in: directory)
      expectFine(other)
      #expect(
        other.err.contains(
          "note: the course was recorded under pathwise, the graph is shown under score\n"))
      try Tool.write("[", to: directory + "gradflow.json")
      expectRefusal(
        try Tool.run(
          [
            "gradflow", "Graphs/linear_gaussian.aya", "--html", "no.html", "--course", ".",
          ], in: directory), 1, ["not-a-course"])
    }
  }

  // MARK: Names that would like to be code

  static let attacks = [
    "\"><script>window.pwned=1</script>", "</script><script>window.pwned=2</script>",
    "<!--<script>", "-->", "]]>", "&#x3C;script&#x3E;", "<img src=x onerror=window.pwned=3>",
    "<svg/onload=window.pwned=4>", "javascript:window.pwned=5", "${window.pwned=6}",
    "\\u003cscript\\u003e", "';window.pwned=7;'", "{a|<p> b}", "\\N\\G\\", "日本語", "👩‍👩‍👧‍👦 😀",
    "\u{202E}abc\u{202C}", "\u{2028}\u{2029}", "a\nb\tc", "__proto__", "constructor",
    "box0", "p-data", "<title>pwned</title>", "</title><b>", "&amp;", "%00", "'\"`",
    "\u{7}\u{1B}[31m",
    "</style><style>*{display:none}", "e\u{301}<\u{301}script>",
    String(repeating: "long ", count: 40),
  ]

  static func quoted(_ name: String) -> String {
    "\""
      + name.unicodeScalars.map { scalar in
        switch scalar {
        case "\"", "\\": "\\" + String(scalar)
        default:
          scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value)
            || (0x200B...0x202F).contains(scalar.value) || scalar.value == 0x200D
            ? "\\u{" + String(scalar.value, radix: 16) + "}" : String(scalar)
        }
      }.joined() + "\""
  }

  @Test func namesStayNames() throws {
    let names = (0..<200).map { Self.attacks[$0 % Self.attacks.count] + " \($0)" }
    let q = names.map(Self.quoted)
    var lines = [
      "graph \(Self.quoted(Self.attacks[1])) {", "param \(q[0]): f32[] init constant(0.5)",
      "param \(q[1]): f32[] init zeros", "scope \(Self.quoted(Self.attacks[0])) {",
      "\(q[2]) ~ normal(mean: \(q[0]), log_variance: \(q[1]))", "}",
    ]
    for index in 3..<197 { lines.append("\(q[index]) = tanh(\(q[index - 1]))") }
    lines += [
      "\(q[197]) = square(\(q[196]))",
      "\(q[198]) = kl_normal(mean: \(q[0]), log_variance: \(q[1]))",
      "\(q[199]) = \(q[197]) + \(q[198])", "output \(q[199])", "}",
    ]
    try Tool.withDirectory { directory in
      try Tool.write(lines.joined(separator: "\n"), to: directory + "names.aya")
      // `page` expects no diagnostic, and Graphviz's complaints would be one.
      let (record, report, _) = try Self.page(
        "names.aya", ["--loss", names[199]], in: directory)
      #expect(record.errors == [] && record.console == [])
      #expect(record.pwned == ["Gradient flow at \(names[2]) — \(Self.attacks[1])", "undefined"])
      #expect(report["node"] as? String == names[2])
      // Every name is said as it is.
      let labels = record.panels.map(\.label)
      for name in names {
        let isSaid = labels.contains { $0.contains(name + ", f32[]") }
        #expect(isSaid, "\(name)")
      }
    }
  }

  // MARK: The command

  @Test func theCourseGoesWithAPage() throws {
    expectRefusal(try Tool.run(["gradflow", ".", "--html", "no.html"]), 64)
    expectRefusal(
      try Tool.run(["gradflow", "g.aya", "--course", "c.json"]), 64)
  }

  @Test func theSameBytesEachTime() throws {
    try Tool.withDirectory { directory in
      for name in ["a.html", "b.html"] {
        let result = try Tool.run(
          ["gradflow", "Graphs/linear_gaussian.aya", "--html", name], in: directory)
        expectFine(result)
        #expect(result.out.isEmpty)
      }
      let (a, b) = try (
        Data(contentsOf: URL(filePath: directory + "a.html")),
        Data(contentsOf: URL(filePath: directory + "b.html"))
      )
      #expect(a == b)
    }
  }
}
