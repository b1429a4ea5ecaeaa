import GraphIR

/// Writes a `PlanPicture` as SVG.
struct PlanSVG {
  private let picture: PlanPicture
  private var lines: [String] = []

  // Everything in pixels.
  private let left = 84.0
  private let right = 28.0
  private let plotTop: Double
  private let plotHeight = 480.0
  private let plotWidth: Double
  private let ribbonHeight = 16.0
  private let stripHeight = 84.0
  private let column: Double
  private let moments: Int
  /// Bytes at the top of the plot.
  private let byteRange: Double
  private let legend: [[PlanPicture.Style]]

  private static let legendRow = 22.0
  /// The advance of an average letter at a font size of 1, wide enough for names in capitals.
  private static let letter = 0.6

  init(_ picture: PlanPicture) {
    self.picture = picture
    moments = picture.steps.count + 2
    plotWidth = max(720, min(1_500, Double(moments) * 26))
    column = plotWidth / Double(moments)
    // Room for the line and the words of the peak.
    byteRange = max(1, Double(picture.arenaBytes) * 1.06)
    var used = Set(
      picture.allocations.flatMap { $0.values.flatMap { $0.segments.map(\.style) } })
    used.formUnion(picture.steps.map(\.style))
    legend = PlanSVG.rows(PlanPicture.Style.allCases.filter(used.contains), within: plotWidth)
    plotTop = 66 + PlanSVG.legendRow * Double(legend.count) + 36
  }

  private static func entryWidth(_ style: PlanPicture.Style) -> Double {
    28 + 22 + Double(style.meaning.count) * 12 * letter
  }

  private static func rows(
    _ styles: [PlanPicture.Style], within width: Double
  ) -> [[PlanPicture.Style]] {
    var rows: [[PlanPicture.Style]] = []
    var used = Double.infinity
    for style in styles {
      if used + entryWidth(style) > width {
        rows.append([])
        used = 0
      }
      rows[rows.count - 1].append(style)
      used += entryWidth(style)
    }
    return rows
  }

  // MARK: Geometry

  private var plotBottom: Double { plotTop + plotHeight }
  private var stripTop: Double { plotBottom + 30 }
  private var stripBottom: Double { stripTop + stripHeight }
  /// Names of steps are written where there is room for them.
  private var namesSteps: Bool { column >= 13 }
  private var width: Double { left + plotWidth + right }

  /// The letters of the longest name, shortened.
  private var longestLabel: Int { picture.steps.map { min($0.label.count, 28) }.max() ?? 0 }
  private var isUpright: Bool { Double(longestLabel) * 10 * PlanSVG.letter + 6 < column }

  private var labelDepth: Double {
    guard namesSteps else { return 0 }
    if isUpright { return 16 }
    let longest = longestLabel
    return Double(longest) * 10 * 0.5 * 0.87 + 14
  }

  private func x(_ moment: Int) -> Double { left + Double(moment) * column }
  private func y(_ bytes: Int) -> Double { plotBottom - Double(bytes) / byteRange * plotHeight }

  // MARK: Text

  mutating func text() -> String {
    let drawn = chosen()
    let notes = notes(drawn)
    let height = stripBottom + 34 + labelDepth + 16 * Double(notes.count) + 14
    add(
      """
      <svg xmlns="http://www.w3.org/2000/svg" width="\(number(width))" height="\(number(height))" \
      viewBox="0 0 \(number(width)) \(number(height))" font-family="Helvetica, Arial, sans-serif">
      """)
    add("<title>\(escaped(picture.title))</title>")
    definitions()
    add("<rect width=\"100%\" height=\"100%\" fill=\"#FFFFFF\"/>")
    label(picture.title, left, 30, size: 18, isBold: true)
    label(picture.subtitle, left, 50, size: 12, color: Hue.muted)
    drawLegend()
    drawAxes()
    drawRibbon()
    for allocation in drawn { draw(allocation) }
    drawLevels()
    drawStrip()
    for (index, note) in notes.enumerated() {
      label(
        note, left, stripBottom + 34 + labelDepth + 16 * Double(index) + 8, size: 11,
        color: Hue.muted)
    }
    add("</svg>")
    return lines.joined(separator: "\n") + "\n"
  }

  /// What is drawn: the largest, in the order of the plan, without what nobody could see.
  private func chosen() -> [PlanPicture.Allocation] {
    let seen = picture.allocations.indices.filter {
      Double(picture.allocations[$0].bytes) / byteRange * plotHeight >= PlanSVG.thinnest
    }
    let largest = seen.sorted {
      (picture.allocations[$1].bytes, $0) < (picture.allocations[$0].bytes, $1)
    }
    return largest.prefix(PlanPicture.mostAllocations).sorted().map { picture.allocations[$0] }
  }

  private static let thinnest = 0.3

  private func notes(_ drawn: [PlanPicture.Allocation]) -> [String] {
    let left = picture.allocations.count - drawn.count
    guard left > 0 else { return [] }
    let largest = Double(picture.allocations.count) > Double(PlanPicture.mostAllocations)
    return [
      "\(drawn.count) of \(picture.allocations.count) allocations are drawn; the others are "
        + (largest && drawn.count == PlanPicture.mostAllocations
          ? "smaller" : "thinner than a line")
    ]
  }

  // MARK: Parts

  private mutating func definitions() {
    add("<defs>")
    for style in PlanPicture.Style.allCases {
      let look = style.look
      add(
        """
        <pattern id="\(style.rawValue)" width="\(look.size)" height="\(look.size)" \
        patternUnits="userSpaceOnUse"><rect width="\(look.size)" height="\(look.size)" \
        fill="\(look.hue.fill)"/>\(look.marks)</pattern>
        """)
    }
    add("</defs>")
  }

  private mutating func drawLegend() {
    var top = 66.0
    for row in legend {
      var place = left
      for style in row {
        add(
          """
          <rect x="\(number(place))" y="\(number(top))" width="28" height="14" \
          fill="url(#\(style.rawValue))" stroke="\(style.look.hue.line)"/>
          """)
        label(style.meaning, place + 34, top + 11, size: 12)
        place += PlanSVG.entryWidth(style)
      }
      top += PlanSVG.legendRow
    }
  }

  private mutating func drawAxes() {
    for bytes in ticks(upTo: picture.arenaBytes) {
      line(left, y(bytes), left + plotWidth, y(bytes), color: "#E3E3E3")
      label(byteText(bytes), left - 8, y(bytes) + 4, size: 11, color: Hue.muted, anchor: "end")
    }
    line(left, plotTop, left, plotBottom, color: "#808080")
    line(left, plotBottom, left + plotWidth, plotBottom, color: "#808080")
    for (moment, text) in momentTicks() {
      let center = x(moment) + column / 2
      for bottom in [plotBottom, stripBottom] {
        line(center, bottom, center, bottom + 4, color: "#808080")
        label(text, center, bottom + 16, size: 11, color: Hue.muted, anchor: "middle")
      }
    }
    label("offset in the arena", left - 70, plotTop + plotHeight / 2, size: 11, turned: -90)
    guard namesSteps else { return }
    for (index, step) in picture.steps.enumerated() {
      if isUpright {
        label(step.label, x(index + 1) + column / 2, stripBottom + 30, size: 10, anchor: "middle")
        continue
      }
      label(
        PlanSVG.shortened(step.label, to: 28), x(index + 1) + column / 2 + 3, stripBottom + 28,
        size: 10, color: Hue.ink, anchor: "end", turned: -60)
    }
  }

  /// Which part of the training step each step belongs to.
  private mutating func drawRibbon() {
    var first = 0
    while first < picture.steps.count {
      let style = picture.steps[first].style
      var last = first
      while last + 1 < picture.steps.count, picture.steps[last + 1].style == style { last += 1 }
      let (start, end) = (x(first + 1), x(last + 2))
      let top = plotTop - ribbonHeight - 6
      add(
        """
        <rect x="\(number(start))" y="\(number(top))" width="\(number(end - start))" \
        height="\(number(ribbonHeight))" fill="url(#\(style.rawValue))" \
        stroke="\(style.look.hue.line)"/>
        """)
      if end - start > Double(style.rawValue.count) * 11 * PlanSVG.letter + 8 {
        label(
          style.rawValue, (start + end) / 2, top + 12, size: 11, anchor: "middle", hasHalo: true)
      }
      first = last + 1
    }
  }

  private mutating func draw(_ allocation: PlanPicture.Allocation) {
    let (top, bottom) = (y(allocation.offset + allocation.bytes), y(allocation.offset))
    let (start, end) = (x(allocation.first), x(allocation.last + 1))
    for value in allocation.values {
      add("<g><title>\(value.details.map(escaped).joined(separator: "&#10;"))</title>")
      for segment in value.segments {
        let (from, to) = (x(segment.first), x(segment.last + 1))
        add(
          """
          <rect x="\(number(from))" y="\(number(top))" width="\(number(to - from))" \
          height="\(number(bottom - top))" fill="url(#\(segment.style.rawValue))"/>
          """)
      }
      write(value, top: top, bottom: bottom)
      add("</g>")
    }
    let hue = allocation.values.first?.segments.first?.style.look.hue ?? .grey
    add(
      """
      <rect x="\(number(start))" y="\(number(top))" width="\(number(end - start))" \
      height="\(number(bottom - top))" fill="none" stroke="\(hue.line)" \
      stroke-width="\(bottom - top < 3 ? "0.4" : "1")"/>
      """)
  }

  /// A value's name, along or upright, where it fits.
  private mutating func write(_ value: PlanPicture.Value, top: Double, bottom: Double) {
    guard let first = value.segments.first, let last = value.segments.last else { return }
    let (from, to) = (x(first.first), x(last.last + 1))
    let size = 11.0
    let length = Double(value.label.count) * size * PlanSVG.letter + 6
    let (across, up) = (to - from, bottom - top)
    let (middle, center) = ((from + to) / 2, (top + bottom) / 2)
    if up >= size + 2, across >= length {
      label(value.label, middle, center + 4, size: size, anchor: "middle", hasHalo: true)
    } else if across >= size + 2, up >= length {
      label(
        value.label, middle + 4, center, size: size, anchor: "middle", turned: -90, hasHalo: true)
    }
  }

  /// The planned peak and the lower bound.
  private mutating func drawLevels() {
    let (peak, bound) = (picture.arenaBytes, picture.lowerBound)
    let ends = (left, left + plotWidth)
    line(ends.0, y(peak), ends.1, y(peak), color: Hue.ink, width: 1.4)
    let words = "planned peak \(byteText(peak))"
    guard bound < peak else {
      return label(
        words + " = lower bound", ends.1, y(peak) - 5, size: 11, anchor: "end", hasHalo: true)
    }
    line(ends.0, y(bound), ends.1, y(bound), color: Hue.ink, width: 1.4, dashes: "6 4")
    label(
      words + ", lower bound (dashed) \(byteText(bound))", ends.1, y(peak) - 5, size: 11,
      anchor: "end", hasHalo: true)
  }

  /// The bytes in use, moment by moment.
  private mutating func drawStrip() {
    let most = Double(max(1, picture.lowerBound))
    func level(_ bytes: Int) -> Double { stripBottom - Double(bytes) / most * (stripHeight - 14) }
    var path = "M\(number(left)) \(number(stripBottom))"
    for (moment, bytes) in picture.liveBytes.enumerated() where moment < moments {
      path += " L\(number(x(moment))) \(number(level(bytes)))"
      path += " L\(number(x(moment + 1))) \(number(level(bytes)))"
    }
    path += " L\(number(x(min(moments, picture.liveBytes.count)))) \(number(stripBottom)) Z"
    add("<path d=\"\(path)\" fill=\"#E8E8E8\" stroke=\"#606060\"/>")
    line(left, stripBottom, left + plotWidth, stripBottom, color: "#808080")
    label("in use", left - 8, stripBottom - stripHeight / 2, size: 11, anchor: "end")
    guard let fullest = picture.liveBytes.firstIndex(of: picture.lowerBound) else { return }
    let center = x(fullest) + column / 2
    add(
      """
      <path d="M\(number(center)) \(number(level(picture.lowerBound) - 2)) l-4 -7 h8 Z" \
      fill="\(Hue.ink)"/>
      """)
    let isRight = center > left + plotWidth * 0.6
    label(
      "fullest moment: \(byteText(picture.lowerBound))", center + (isRight ? -9 : 9),
      stripTop + 6, size: 11, anchor: isRight ? "end" : "start", hasHalo: true)
  }

  // MARK: Ticks

  /// Round numbers of bytes from 0 on, four to nine of them.
  private func ticks(upTo bytes: Int) -> [Int] {
    guard bytes > 0 else { return [0] }
    var step = 64
    while bytes / step > 8 { step *= 2 }
    return Array(stride(from: 0, through: bytes, by: step))
  }

  /// Moments with room for their numbers between them.
  private func momentTicks() -> [(moment: Int, text: String)] {
    var step = 1
    for candidate in [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 50_000] {
      step = candidate
      if Double(candidate) * column >= 30 { break }
    }
    let last = moments - 1
    let numbers = stride(from: step, to: last, by: step).filter {
      Double(min($0, last - $0)) * column >= 34
    }
    return [(0, "start")] + numbers.map { ($0, "\($0)") } + [(last, "end")]
  }

  // MARK: Writing

  private mutating func add(_ text: String) { lines.append(text) }

  private mutating func line(
    _ fromX: Double, _ fromY: Double, _ toX: Double, _ toY: Double, color: String,
    width: Double = 1, dashes: String? = nil
  ) {
    let dash = dashes.map { " stroke-dasharray=\"\($0)\"" } ?? ""
    add(
      """
      <line x1="\(number(fromX))" y1="\(number(fromY))" x2="\(number(toX))" y2="\(number(toY))" \
      stroke="\(color)" stroke-width="\(number(width))"\(dash)/>
      """)
  }

  private mutating func label(
    _ text: String, _ x: Double, _ y: Double, size: Double, color: String = Hue.ink,
    anchor: String = "start", isBold: Bool = false, turned: Double? = nil,
    hasHalo: Bool = false
  ) {
    var attributes = "x=\"\(number(x))\" y=\"\(number(y))\" font-size=\"\(number(size))\""
    attributes += " fill=\"\(color)\""
    if anchor != "start" { attributes += " text-anchor=\"\(anchor)\"" }
    if isBold { attributes += " font-weight=\"bold\"" }
    if let turned {
      attributes += " transform=\"rotate(\(number(turned)) \(number(x)) \(number(y)))\""
    }
    // Behind the letters, so that hatching does not run through them.
    if hasHalo {
      attributes += " stroke=\"#FFFFFF\" stroke-width=\"3\" stroke-linejoin=\"round\""
      attributes += " paint-order=\"stroke\""
    }
    add("<text \(attributes)>\(escaped(text))</text>")
  }

  private func number(_ value: Double) -> String {
    let text = fixed(value, decimals: 2)
    return text.hasSuffix(".00") ? String(text.dropLast(3)) : text
  }

  private static func shortened(_ text: String, to count: Int) -> String {
    text.count <= count ? text : text.prefix(count - 1) + "…"
  }

  /// Text for XML 1.0: its own characters as entities, those it cannot hold as U+FFFD.
  private func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "\t", "\n", "\r": result += " "
      case "\u{0}"..<"\u{20}", "\u{FFFE}", "\u{FFFF}": result += "\u{FFFD}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}

extension PlanPicture.Style {
  /// A colour, and a hatching that no other style has: in black and white they differ as well.
  fileprivate var look: (hue: Hue, size: Int, marks: String) {
    func path(_ data: String, _ hue: Hue, width: String = "1.2") -> String {
      "<path d=\"\(data)\" stroke=\"\(hue.line)\" stroke-width=\"\(width)\" fill=\"none\"/>"
    }
    switch self {
    case .input: return (.grey, 8, "<circle cx=\"4\" cy=\"4\" r=\"0.9\" fill=\"#5F5F5F\"/>")
    case .noise:
      return (.purple, 8, "<circle cx=\"4\" cy=\"4\" r=\"1.9\" fill=\"none\" stroke=\"#A85C86\"/>")
    case .constant: return (.grey, 8, path("M0 4H8M4 0V8", .grey, width: "0.7"))
    case .forward: return (.sky, 8, "")
    case .saved: return (.orange, 8, path("M-2 2L2 -2M0 8L8 0M6 10L10 6", .orange))
    case .backward: return (.vermillion, 8, path("M-2 6L2 10M0 0L8 8M6 -2L10 2", .vermillion))
    case .update: return (.green, 6, path("M0 3H6", .green))
    case .output: return (.yellow, 6, path("M3 0V6", .yellow))
    case .copy: return (.blue, 8, path("M0 0L8 8M8 0L0 8", .blue, width: "0.8"))
    }
  }
}
