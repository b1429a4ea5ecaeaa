public import Drawing
import GraphIR
public import Runtime

extension PlanReport {
  /// The plan to be drawn; `title` says what of the graph it plans.
  public func picture(title: String) -> PlanPicture {
    let sizes = sizes.sorted { $0.key < $1.key }.map { "\($0.key) = \($0.value)" }
    let summary =
      "\(steps.count) steps, planned by \(planner), peak / lower bound = "
      + fixed(ratio, decimals: 3)
    return PlanPicture(
      title: title, subtitle: (sizes + [summary]).joined(separator: ", "),
      steps: steps.map { step in
        PlanPicture.Step(label: step.label, style: step.kind.style)
      },
      arenaBytes: arenaBytes, lowerBound: lowerBound, liveBytes: liveBytes,
      allocations: allocations.map { allocation in
        PlanPicture.Allocation(
          offset: allocation.offset, bytes: allocation.bytes, first: allocation.first,
          last: allocation.last, values: values(of: allocation))
      })
  }

  private func values(of allocation: Allocation) -> [PlanPicture.Value] {
    if allocation.values.first?.kind == .constant {
      let segment = PlanPicture.Segment(
        first: allocation.first, last: allocation.last, style: .constant)
      return [
        PlanPicture.Value(
          label: "constants", details: [allocation.valuesText, byteText(allocation.bytes)],
          segments: [segment])
      ]
    }
    return allocation.values.enumerated().map { index, value in
      let first = index == 0 ? allocation.first : value.born
      let next = index + 1 < allocation.values.count ? allocation.values[index + 1].born : nil
      let last = next.map { max(first, $0 - 1) } ?? allocation.last
      return PlanPicture.Value(
        label: value.name, details: details(value, first, last),
        segments: segments(value, first, last))
    }
  }

  private func details(_ value: Value, _ first: Int, _ last: Int) -> [String] {
    var lines = [
      value.name + (value.op.map { " = \($0)" } ?? ""), "\(value.type), \(byteText(value.bytes))",
      first == last ? moment(first) : "\(moment(first)) – \(moment(last))",
    ]
    if value.isSaved {
      lines.append(
        "saved for backward: read by " + value.savedFor.map(\.text).joined(separator: " … "))
    }
    if value.isOutput { lines.append("an output") }
    return lines
  }

  /// What the memory of a value is held for, one after another.
  private func segments(_ value: Value, _ first: Int, _ last: Int) -> [PlanPicture.Segment] {
    var segments: [PlanPicture.Segment] = []
    var next = first
    func hold(until moment: Int, _ style: PlanPicture.Style) {
      let end = min(moment, last)
      guard end >= next else { return }
      segments.append(PlanPicture.Segment(first: next, last: end, style: style))
      next = end + 1
    }
    let done = value.isSaved ? value.lastForwardRead : value.lastRead
    let isHeldOn = value.isSaved || value.isOutput
    hold(until: isHeldOn ? max(first, done ?? value.born) : last, value.kind.style)
    if value.isSaved { hold(until: value.lastRead ?? next, .saved) }
    hold(until: last, value.isOutput ? .output : value.kind.style)
    return segments
  }
}

extension PlanReport.Kind {
  fileprivate var style: PlanPicture.Style {
    switch self {
    case .input: .input
    case .noise: .noise
    case .constant: .constant
    case .forward: .forward
    case .backward: .backward
    case .update: .update
    case .copy: .copy
    }
  }
}
