import CCairo
import Foundation

extension PlotSheet {
  private static let width = 1_280.0
  private static let panelHeight = 340.0
  private static let margin = 28.0
  private static let headHeight = 52.0

  /// The sheet as a PNG file: two panels a row, drawn by cairo.
  public func png() -> [UInt8] {
    let rows = (panels.count + 1) / 2
    let height = PlotSheet.headHeight + Double(rows) * PlotSheet.panelHeight + PlotSheet.margin
    let canvas = Canvas(width: PlotSheet.width, height: height)
    canvas.fill(0, 0, PlotSheet.width, height, .white)
    canvas.text(title, PlotSheet.margin, 34, size: 18, .ink, isBold: true)
    for (index, panel) in panels.enumerated() {
      let width = (PlotSheet.width - 3 * PlotSheet.margin) / 2
      let frame = Frame(
        x: PlotSheet.margin + Double(index % 2) * (width + PlotSheet.margin),
        y: PlotSheet.headHeight + Double(index / 2) * PlotSheet.panelHeight,
        width: width, height: PlotSheet.panelHeight - PlotSheet.margin)
      draw(panel, in: frame, canvas)
    }
    return canvas.png()
  }

  /// A panel's place, with what its axes leave for the plot itself.
  private struct Frame {
    var x: Double
    var y: Double
    var width: Double
    var height: Double

    var plot: Frame { Frame(x: x + 64, y: y + 26, width: width - 72, height: height - 62) }
  }

  private func draw(_ panel: Panel, in frame: Frame, _ canvas: Canvas) {
    let plot = frame.plot
    let title = canvas.text(panel.title, frame.x, frame.y + 12, size: 13, .ink, isBold: true)
    canvas.text(panel.unit, frame.x + title + 10, frame.y + 12, size: 11, .grey)
    switch panel.content {
    case .lines(let series): lines(series, plot, canvas)
    case .heat(let rows): heat(rows, unit: panel.unit, plot, canvas)
    }
    let ticks = PlotSheet.ticks(places.first ?? 0, places.last ?? 1)
    for tick in ticks {
      canvas.text(
        PlotSheet.label(tick), horizontal(tick, plot), plot.y + plot.height + 15, size: 11, .grey,
        align: .middle)
    }
    canvas.text(
      axis, plot.x + plot.width, plot.y + plot.height + 30, size: 11, .grey, align: .end)
  }

  private func horizontal(_ place: Double, _ plot: Frame) -> Double {
    let (first, last) = (places.first ?? 0, places.last ?? 1)
    return last > first ? plot.x + (place - first) / (last - first) * plot.width : plot.x
  }

  // MARK: Lines

  private func lines(_ series: [Series], _ plot: Frame, _ canvas: Canvas) {
    let values = series.flatMap(\.values).filter(\.isFinite)
    var (low, high) = (values.min() ?? 0, values.max() ?? 1)
    if low > 0, low < 0.5 * high { low = 0 }
    if low == high { (low, high) = (low - 0.5, high + 0.5) }
    func vertical(_ value: Double) -> Double {
      plot.y + plot.height - (value - low) / (high - low) * plot.height
    }
    for tick in PlotSheet.ticks(low, high) {
      canvas.line([(plot.x, vertical(tick)), (plot.x + plot.width, vertical(tick))], .faint, 1)
      canvas.text(
        PlotSheet.label(tick), plot.x - 6, vertical(tick) + 4, size: 11, .grey, align: .end)
    }
    for (index, line) in series.enumerated() {
      let look = PlotSheet.looks[index % PlotSheet.looks.count]
      var stretch: [(Double, Double)] = []
      for (place, value) in zip(places, line.values) {
        if value.isFinite {
          stretch.append((horizontal(place, plot), vertical(value)))
        } else {
          canvas.line(stretch, look.color, 1.8, dashes: look.dashes)
          stretch = []
        }
      }
      canvas.line(stretch, look.color, 1.8, dashes: look.dashes)
    }
    var x = plot.x + 4
    for (index, line) in series.enumerated() {
      let look = PlotSheet.looks[index % PlotSheet.looks.count]
      let y = plot.y + plot.height + 27
      canvas.line([(x, y - 4), (x + 22, y - 4)], look.color, 2, dashes: look.dashes)
      x += 27 + canvas.text(line.name, x + 27, y, size: 11, .ink) + 16
    }
  }

  /// Line styles tell series apart; colour, of Okabe & Ito 2008, only repeats it.
  private static let looks: [(color: Canvas.Color, dashes: [Double])] = [
    (.init(0x0072B2), []), (.init(0xD55E00), [7, 4]), (.init(0x009E73), [2, 3]),
    (.init(0xCC79A7), [9, 3, 2, 3]), (.init(0xE69F00), [4, 2]), (.init(0x56B4E9), [1, 2]),
  ]

  // MARK: Heat

  private func heat(_ rows: [Series], unit: String, _ plot: Frame, _ canvas: Canvas) {
    let largest = rows.flatMap(\.values).filter(\.isFinite).max() ?? 0
    let height = plot.height / Double(max(rows.count, 1))
    for (row, series) in rows.enumerated() {
      let y = plot.y + Double(row) * height
      for (place, value) in series.values.enumerated() where place < places.count {
        let next = place + 1 < places.count ? places[place + 1] : places[place]
        let x = horizontal(places[place], plot)
        let width = max(1, horizontal(next, plot) - x)
        let share = largest > 0 && value.isFinite ? max(0, min(1, value / largest)) : 0
        canvas.fill(x, y, width + 0.5, height + 0.2, .ramp(share))
      }
      if rows.count <= 24 || row % 5 == 0 {
        canvas.text(
          series.name, plot.x - 6, y + height / 2 + 4, size: min(11, height + 2), .grey,
          align: .end)
      }
    }
    let text = "0 (light) to \(PlotSheet.label(largest)) \(unit) (dark)"
    canvas.text(text, plot.x + 4, plot.y + plot.height + 30, size: 11, .ink)
  }

  // MARK: Ticks

  /// Round numbers between the two, four to eight of them.
  static func ticks(_ low: Double, _ high: Double) -> [Double] {
    guard high > low, low.isFinite, high.isFinite else { return [low] }
    let rough = (high - low) / 5
    let power = pow(10, floor(log10(rough)))
    let step = [1.0, 2, 5, 10].map { $0 * power }.first { $0 >= rough } ?? rough
    let first = (low / step).rounded(.up)
    let last = (high / step).rounded(.down)
    guard last >= first, last - first < 100 else { return [low, high] }
    return stride(from: first, through: last, by: 1).map { $0 * step }
  }

  static func label(_ value: Double) -> String {
    abs(value) >= 100_000 ? String(format: "%.1e", value) : String(format: "%g", Float(value))
  }
}
