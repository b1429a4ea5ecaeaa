import Drawing
import Testing

@Suite struct PlotSheetTests {
  /// Width and height by the file's header chunk.
  private static func size(_ png: [UInt8]) -> [Int] {
    func word(_ at: Int) -> Int { png[at..<(at + 4)].reduce(0) { $0 << 8 | Int($1) } }
    return png.count > 24 ? [word(16), word(20)] : []
  }

  private static func sheet(_ panels: [PlotSheet.Panel], places: [Double] = [0, 10, 20])
    -> PlotSheet
  {
    PlotSheet(title: "sheet", axis: "steps", places: places, panels: panels)
  }

  @Test func panelsStandTwoARow() {
    let panel = PlotSheet.Panel.lines("a", unit: "u", [.init("x", [1, 2, 3])])
    for (count, height) in [(1, 420), (2, 420), (3, 760)] {
      let png = Self.sheet(Array(repeating: panel, count: count)).png()
      #expect(png.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]))
      #expect(Self.size(png) == [1280, height])
    }
  }

  /// Other data, another picture; the same data, the same bytes.
  @Test func valuesShow() {
    func png(_ values: [Double], heat: Bool) -> [UInt8] {
      let series = [PlotSheet.Series("x", values)]
      return Self.sheet([heat ? .heat("h", unit: "u", series) : .lines("l", unit: "u", series)])
        .png()
    }
    for heat in [false, true] {
      let rising = png([1, 2, 3], heat: heat)
      #expect(rising == png([1, 2, 3], heat: heat))
      #expect(rising != png([3, 2, 1], heat: heat))
      #expect(rising != png([1, .nan, 3], heat: heat))
    }
  }

  /// Nothing to draw, one place, constants, infinities, long and strange names.
  @Test(arguments: [
    [], [0.0], [1, 1, 1], [.nan, .nan, .nan], [.infinity, -.infinity, 0], [1e300, -1e300, 0],
    [1e-300, 0, 0],
  ])
  func dont_trapOnOddData(values: [Double]) {
    let name = "名前 <&\"\n" + String(repeating: "x", count: 400)
    for places in [[], [5.0], [0.0, 1, 2], [1, 1, 1]] {
      let series = [PlotSheet.Series(name, values), PlotSheet.Series("b", [])]
      let png = Self.sheet(
        [
          .lines(name, unit: name, series), .heat(name, unit: "u", series),
          .lines("", unit: "", []),
        ],
        places: places
      ).png()
      #expect(Self.size(png) == [1280, 760])
    }
  }
}
