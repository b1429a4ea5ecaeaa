import Ayatori
import Foundation
import GraphIR

extension GradientFlow.Report {
  /// The report as people read it; every number is one of this value's.
  public var text: String {
    var sections = [header, formulaLines, pathSplit, values].filter { !$0.isEmpty }
    if let estimators { sections.append(table(estimators)) }
    if !variances.isEmpty { sections.append(varianceLines) }
    if !latents.isEmpty { sections.append(latentLines) }
    sections.append(checkLines + parityLines)
    if !blocked.isEmpty || !unreached.isEmpty { sections.append(blockedLines) }
    if let scaleFault { sections.append(lines(scaleFault)) }
    if !nonFinite.isEmpty { sections.append(birthLines) }
    return sections.map { $0.map(visibleLine).joined(separator: "\n") }
      .joined(separator: "\n\n")
  }

  // MARK: What was looked at

  private var header: [String] {
    var facts = [distribution]
    if let scale { facts.append("scale = \(scale)") }
    facts.append("estimator = \(estimator)")
    if nodeDraws > 1 { facts.append("draws = \(nodeDraws)") }
    if divergence != .none { facts.append("KL = \(divergence.rawValue)") }
    var how = ["seed \(seed)"]
    if isExact {
      how = [estimators.map { "expectations by " + $0.method } ?? "exact expectations"]
    } else if let draws {
      how.append("\(draws) draws, values and paths at the first")
    }
    if let batch {
      how.append(reduction.map { "\($0.text) a batch of \(batch)" } ?? "batch \(batch)")
    }
    let terms = terms.map { term in
      (term.isWeighted ? "\(short(term.weight)) · " : "") + "\(term.name) \(fixed(term.value))"
        + (term.cancels ? " (cancels)" : "")
    }
    let doubt = lossError.map { $0 > 1e-6 * abs(lossValue) ? number(" ± %.1g", $0) : "" } ?? ""
    var line = "\(loss) \(fixed(lossValue))\(doubt) = " + terms.joined(separator: " + ")
    if let constant { line += " + constant \(fixed(constant))" }
    if let evidence {
      line +=
        "      \(evidence.title) = \(fixed(evidence.logProbability))   gap \(fixed(evidence.gap))"
    }
    return [
      "sampling node \(node)    \(facts.joined(separator: ", "))", how.joined(separator: ", "),
      line,
    ] + notes.map { "note: \($0)" }
  }

  /// The statistics of the values round the node.
  private var values: [String] {
    var lines = [
      pad("values", valueWidth) + pad("shape", 11)
        + ["norm", "rms", "mean", "sd", "min", "max"].map { padLeft($0, 12) }.joined()
        + "   zero %  not finite"
    ]
    for row in rows {
      lines.append(statistics(row.name + (row.draws > 1 ? ", draw 1" : ""), row.value))
      if let total = row.total { lines.append(statistics("∂\(loss)/∂\(row.name)", total)) }
    }
    return lines
  }

  private var valueWidth: Int {
    nameWidth + max(loss.count + 6, 9)
  }

  private func statistics(_ name: String, _ value: ArrayStatistics) -> String {
    let shape = "[" + value.shape.map(String.init).joined(separator: ", ") + "]"
    let numbers = [
      value.norm, value.rms, value.mean, value.standardDeviation, value.minimum, value.maximum,
    ]
    var line =
      pad("  " + name, valueWidth) + pad(shape, 11)
      + numbers.map { number("%12.5g", $0) }.joined()
      + String(format: "%9.1f", value.zeroPercent) + String(format: "%12d", value.nonFinite)
    if value.nonFinite > 0, let first = value.firstNonFinite {
      line +=
        "  (\(value.nan) NaN, \(value.positiveInfinity) +Inf, \(value.negativeInfinity) −Inf; "
        + "first at \(first))"
    }
    return line
  }

  // MARK: Formulas

  private var formulaLines: [String] {
    var lines: [String] = []
    if let local = formulas.local, !local.isEmpty {
      let parts = local.map { entry in
        entry.text.map { "\(entry.symbol) = \($0)" }
          ?? "\(entry.symbol): blocked (\(entry.blocked ?? "no path"))"
      }
      lines.append("local    " + parts.joined(separator: "      "))
      let scores = local.compactMap { entry in
        entry.score.map { "\(entry.scoreSymbol ?? "∂ln q") = \($0)" }
      }
      if !scores.isEmpty { lines.append("score    " + scores.joined(separator: "      ")) }
    }
    for (index, derivative) in (formulas.derivatives ?? []).enumerated() {
      lines.append(
        (index == 0 ? "whole    " : "         ") + "\(derivative.symbol) = \(derivative.text)")
    }
    for (index, meaning) in formulas.meanings.enumerated() where !lines.isEmpty {
      lines.append((index == 0 ? "where    " : "         ") + meaning.text)
    }
    if let costSymbol, !lines.isEmpty {
      let head = formulas.meanings.isEmpty ? "where    " : "         "
      lines.append(head + "\(costSymbol) is the cost downstream of the draw")
    }
    return lines
  }

  private var checkLines: [String] {
    guard let check else { return [] }
    // One step for all stands in the head.
    let steps = Set(check.compactMap(\.step))
    let step = steps.count == 1 ? steps.first : nil
    let head = step.map { String(format: " (h = %.2g)", $0) } ?? ""
    return ["against difference quotients in f64, the noise frozen\(head)"]
      + (checkHeld.map { ["  \($0)"] } ?? [])
      + check.map { row in
        let verdict = row.verdict.split(separator: ";").first.map(String.init) ?? row.verdict
        var line = pad("  " + row.name, nameWidth + 2) + verdict
        if let symbolic = row.symbolic, let numeric = row.numeric, let own = row.step {
          line +=
            "   furthest apart: " + number("%.8g", symbolic) + " and " + number("%.8g", numeric)
            + (row.place.map { $0 == row.name ? "" : ", \($0)" } ?? "")
            + (step == nil ? String(format: " (h = %.2g)", own) : "")
        }
        return line
      }
  }

  // MARK: Paths

  /// The widest name of the rows, for columns that stand under each other.
  private var nameWidth: Int { max(12, (rows.map(\.name.count).max() ?? 0) + 2) }

  private var pathSplit: [String] {
    var head = pad("path split", nameWidth + 2)
    for term in terms { head += padLeft(clipped(term.name, 14), 16) }
    head += padLeft("total", 12) + padLeft("cos", 9) + "   parts-sum"
    let isScalar = rows.allSatisfy { $0.value.shape.reduce(1, *) == 1 }
    var lines = [head + (isScalar ? "" : "   (norms)")]
    for row in rows {
      var line = pad("  " + row.name, nameWidth + 2)
      for part in row.parts {
        var text = part.gradient.map { signed($0) } ?? "–"
        if row.value.shape.reduce(1, *) > 1, let share = part.share {
          text += String(format: " %3.0f%%", share * 100)
        }
        line += padLeft(text, 16)
      }
      line += padLeft(row.total.map { signed($0) } ?? "–", 12)
      line += padLeft(row.cosine.map { number("%+.3f", $0) } ?? "--", 9)
      line += "   " + (row.total == nil ? "–" : partsSum(row))
      lines.append(line)
    }
    if terms.count > 2 { lines += cosineLines }
    for row in rows {
      for part in row.parts {
        if let refusal = part.refusal { lines.append("    \(row.name) ← \(part.term): \(refusal)") }
      }
    }
    return lines
  }

  /// Of which two of several terms the cosines are.
  private var cosineLines: [String] {
    rows.compactMap { row in
      row.cosineOf.map {
        "    cos at \(row.name): between the gradients from \($0.joined(separator: " and "))"
      }
    }
  }

  private func partsSum(_ row: Row) -> String {
    if row.partsError == 0 { return "exact" }
    if row.partsError.isNaN { return "nan" }
    return String(format: "%.2g (%.1f ulp)", row.partsError, row.partsErrorUlps)
  }

  /// The number itself where there is one, else the norm.
  private func signed(_ statistics: ArrayStatistics) -> String {
    statistics.shape.reduce(1, *) == 1
      ? number("%+.6f", statistics.mean) : number("%.5g", statistics.norm)
  }

  // MARK: Estimators

  private func table(_ comparison: EstimatorComparison) -> [String] {
    let names = comparison.rows.first?.targets.map(\.parameter) ?? []
    let isScalar = rows.dropLast().allSatisfy { $0.value.shape.reduce(1, *) == 1 }
    let width = 3 + (comparison.rows.map(\.title.count).max() ?? 0)
    var head = pad("estimators (1 draw)", width)
    for name in names {
      let short = clipped(name, 9)
      head += padLeft((isScalar ? "mean " : "|mean| ") + short, 17) + padLeft("var \(short)", 14)
      head += padLeft("SNR", 8)
    }
    head += "   draws for 10% (\(names.joined(separator: ", ")))   passes"
    var lines = [head]
    for row in comparison.rows {
      var line = pad(" " + (row.isOwn ? "*" : " ") + row.title, width)
      for target in row.targets {
        let mean = entry(target.mean, isScalar, sign: "+")
        line += padLeft(target.refusal == nil && row.undefined == nil ? mean : "–", 17)
        line += padLeft(row.undefined == nil ? entry(target.variance, isScalar) : "–", 14)
        // Without mean and variance there is no ratio of them.
        let hasRatio = row.undefined == nil && (target.variance != 0 || target.mean != 0)
        line += padLeft(hasRatio ? number("%.3f", target.signalToNoise) : "–", 8)
      }
      let draws = row.targets.map { target in
        padLeft(drawCount(target.drawsForTenPercent), 9)
      }
      line += "   " + draws.joined() + padLeft(String(format: "%.2f", row.passes), 9)
      lines.append(line + disagreement(row))
    }
    lines.append(
      "  * in use; passes: floating-point operations, in forward passes from the draw on")
    for (name, winner) in zip(names, comparison.winners) {
      if let winner { lines.append("  least variance at \(name): \(winner)") }
    }
    return lines + remarks(comparison)
  }

  /// Four decimals of a number that is no norm, but where they would say nothing.
  private func entry(_ value: Double, _ isScalar: Bool, sign: String = "") -> String {
    let isPlain = isScalar && abs(value) < 1e8
    return number(isPlain ? "%\(sign).4f" : isScalar ? "%\(sign).4g" : "%.4g", value)
  }

  private func drawCount(_ count: Double) -> String {
    if count.isNaN { return "–" }
    if count == .infinity { return "∞" }
    return number(count < 1e8 ? "%.0f" : "%.2g", count)
  }

  private func disagreement(_ row: EstimatorComparison.Row) -> String {
    if let undefined = row.undefined { return "   " + undefined }
    let broken = row.targets.filter { !$0.mean.isFinite }.map(\.parameter)
    if !broken.isEmpty { return "   no finite mean at \(broken.joined(separator: ", "))" }
    let apart = row.targets.filter { !$0.agrees }
    guard !apart.isEmpty else { return row.isBiased ? "   biased" : "" }
    let names = apart.map { target in
      target.parameter + (target.z.map { String(format: " (z = %+.1f)", $0) } ?? "")
    }
    return "   another mean at \(names.joined(separator: ", "))"
  }

  /// What the measured variances say that people do not expect.
  private func remarks(_ comparison: EstimatorComparison) -> [String] {
    var lines: [String] = []
    let rows = comparison.rows
    func row(_ name: String) -> EstimatorComparison.Row? { rows.first { $0.estimator == name } }
    if let landing = row("sticking_the_landing"), let closed = row("pathwise") {
      let worse = zip(landing.targets, closed.targets).filter {
        $0.variance > $1.variance * (1 + 1e-9)
      }.map(\.0.parameter)
      if !worse.isEmpty {
        lines.append(
          "  here STL has more variance than the analytic KL at \(worse.joined(separator: ", "))")
      }
    }
    if let landing = row("sticking_the_landing"), let total = row("pathwise_mc_kl") {
      let worse = zip(landing.targets, total.targets).filter {
        $0.variance > $1.variance * (1 + 1e-9)
      }.map(\.0.parameter)
      if !worse.isEmpty {
        lines.append(
          "  here STL has more variance than the total derivative of the MC KL at "
            + worse.joined(separator: ", "))
      }
    }
    let unsettled = comparison.rows.flatMap { row in
      row.targets.compactMap { target in
        target.relativeError.flatMap {
          $0 > 1e-6 ? (share: $0, row.title, target, error: target.quadratureError ?? 0) : nil
        }
      }
    }
    // Beyond what they are of, errors are told as they are: the largest of them.
    let vast = unsettled.filter { $0.share >= 1 }.max { $0.error < $1.error }
    if let worst = unsettled.first(where: { $0.2.isUnsettled }) ?? vast
      ?? unsettled.max(by: { $0.share < $1.share })
    {
      let place = "(\(worst.1), \(worst.2.parameter))"
      lines.append(
        !worst.2.isUnsettled
          ? "  judged by a coarser grid, means are known within "
            + (worst.share < 1
              ? percent(worst.share) : number("%.1g", worst.error))
            + " \(place): the cost has kinks, or bends faster than the grid"
          : "  means that do not settle as the grid gets finer \(place): "
            + "the integral may be infinite"
      )
    }
    let loose = comparison.rows.flatMap { row in
      row.targets.compactMap { target -> (share: Double, place: String, isUnsettled: Bool)? in
        guard row.undefined == nil, let error = target.varianceError,
          error > 1e-3 * target.variance, target.mean.isFinite
        else { return nil }
        return (
          error / target.variance, "(\(row.title), \(target.parameter))",
          target.isVarianceUnsettled
        )
      }
    }
    if let worst = loose.max(by: { $0.share < $1.share }) {
      lines.append(
        !worst.isUnsettled
          ? "  judged by a coarser grid, variances are known within "
            + percent(worst.share) + " \(worst.place)"
          : "  variances that do not settle as the grid gets finer \(worst.place): "
            + "they may be infinite"
      )
    }
    let apart = Set(
      comparison.rows.flatMap { row in
        row.targets.filter { !$0.agrees && $0.mean.isFinite }.compactMap(\.comparedWith)
      })
    if !apart.isEmpty {
      let titles = comparison.rows.filter { apart.contains($0.estimator) }.map { "'\($0.title)'" }
      lines.append(
        "  'another mean': not that of \(titles.joined(separator: ", ")), which "
          + (apart == [comparison.reference]
            ? "is right whatever the cost is"
            : "agrees with '\(comparison.reference)', right whatever the cost is, and is quieter")
      )
    }
    return lines
  }

  private func percent(_ share: Double) -> String {
    number(share < 0.1 ? "%.1g" : "%.0f", share * 100) + " %"
  }

  // MARK: Noise, latents, parity

  private var varianceLines: [String] {
    var lines = ["variance of one image's gradient = between images + within (noise of one draw)"]
    for split in variances {
      let isFinite = (split.betweenImages + split.withinImages).isFinite
      let verdict =
        split.noiseShare.map { share in
          String(format: "%.0f %% noise: ", share * 100)
            + (share > 0.5 ? "more draws would help more" : "more images would help more")
        } ?? (isFinite ? "no variance" : "not finite")
      lines.append(
        pad("  " + split.parameter, nameWidth + 2) + number("%.4g", split.betweenImages) + " + "
          + number("%.4g", split.withinImages) + "   \(verdict)")
    }
    return lines
  }

  private var latentLines: [String] {
    let names = terms.map { clipped($0.name, 12) }
    let against = divergence != .none && hasStandardPrior ? "KL" : "KL‖N(0,1)"
    var head = pad("latents", 9) + [against, "Var_x μ", "mean σ"].map { padLeft($0, 11) }.joined()
    for name in names { head += padLeft("|\(name) grad|", 22) }
    var lines = [head]
    for latent in latents {
      var line = pad("  \(latent.index)", 9)
      line += padLeft(latent.divergence.map { number("%.4g", $0) } ?? "–", 11)
      line += padLeft(latent.meanVariance.map { number("%.4g", $0) } ?? "–", 11)
      line += padLeft(number("%.4g", latent.meanSigma), 11)
      for norm in latent.gradientNorms {
        line += padLeft(norm.map { number("%.4g", $0) } ?? "–", 22)
      }
      lines.append(line + (latent.state.map { "   \($0.rawValue)" } ?? ""))
    }
    let states = latents.compactMap(\.state)
    if !states.isEmpty {
      let active = states.count(where: \.isActive)
      lines.append(
        "  \(active) of \(latents.count) active (Var_x μ ≥ \(short(activeAbove))), "
          + "\(states.count { $0 == .noisy }) of them noisy (Var_x μ below mean σ²)")
    }
    if !isTrained {
      lines.append("  parameters as initialised: which latents collapse is seen after training")
    }
    return lines
  }

  private func lines(_ fault: ScaleFault) -> [String] {
    let place = fault.place.map { "   \($0)" } ?? ""
    let index = fault.index.isEmpty ? "" : " at \(fault.index)"
    return [
      "a scale that is not positive",
      "  \(fault.sentence)", "  the least is \(short(fault.least))\(index)\(place)",
    ]
  }

  private var parityLines: [String] {
    guard let worst = parity.worst, worst.ulps > 0 else {
      return ["after all passes: the same values and gradients to the bit"]
    }
    return [
      "after all passes: largest difference "
        + String(format: "%.2g (%.1f ulp of the largest element) at ", worst.difference, worst.ulps)
        + worst.name
    ]
  }

  private var blockedLines: [String] {
    var lines = ["where no gradient passes"]
    for edge in blocked {
      let more = edge.alike.isEmpty ? "" : "; the same at \(edge.alike.joined(separator: ", "))"
      lines.append("  \(edge.from) ⊣ \(edge.to): \(edge.reason)\(more)")
    }
    for parameter in unreached {
      lines.append("  parameter \(parameter.parameter): \(parameter.reason)")
    }
    return lines
  }

  private var birthLines: [String] {
    var lines = ["values that are not finite were born at"]
    for birth in nonFinite {
      lines.append(
        "  \(birth.node)\(birth.index) = \(number("%g", birth.value))   \(birth.expression)"
          + (birth.place.map { "   \($0)" } ?? "")
          + (birth.gradientOf.map { "   in the gradient at \($0)" } ?? ""))
    }
    return lines
  }

  // MARK: Words and numbers

  /// A NaN has a sign, which means nothing.
  private func number(_ format: String, _ value: Double) -> String {
    String(format: format, value.isNaN ? Double.nan.magnitude : value)
  }

  private func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
  }

  private func padLeft(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(1, width - text.count)) + text
  }

  private func clipped(_ text: String, _ width: Int) -> String {
    text.count <= width ? text : text.prefix(width - 1) + "…"
  }

  private func fixed(_ value: Double) -> String { number("%.6f", value) }
  private func short(_ value: Double) -> String { String(format: "%g", value) }
}
