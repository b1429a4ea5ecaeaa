import Drawing
import Foundation
import Testing

#if canImport(FoundationXML)
  import FoundationXML
#endif

@Suite struct PlanPictureTests {
  /// A plan of `count` values in a row, each alive over three moments, with every style in turn.
  private static func picture(_ count: Int, name: String = "v", bytes: Int = 4_096) -> PlanPicture {
    let styles = PlanPicture.Style.allCases
    let allocations = (0..<count).map { index in
      PlanPicture.Allocation(
        offset: index % 3 * bytes, bytes: bytes, first: index, last: min(index + 2, count + 1),
        values: [
          PlanPicture.Value(
            label: "\(name)\(index)", details: ["\(name)\(index)", "f32[10]"],
            segments: [
              .init(first: index, last: index, style: styles[index % styles.count]),
              .init(first: index + 1, last: min(index + 2, count + 1), style: .saved),
            ])
        ])
    }
    return PlanPicture(
      title: "\(name) <&> \"training\"", subtitle: "N = 4",
      steps: (0..<count).map { .init(label: "\(name)\($0)", style: styles[$0 % styles.count]) },
      arenaBytes: 3 * bytes, lowerBound: 3 * bytes - 64,
      liveBytes: (0..<count + 2).map { $0 == 2 ? 3 * bytes - 64 : 2 * bytes },
      allocations: allocations)
  }

  /// Elements by name, each with its attributes; nil when the text is no XML.
  private final class Reading: NSObject, XMLParserDelegate {
    var elements: [(name: String, attributes: [String: String])] = []
    var text = ""

    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?,
      qualifiedName: String?, attributes: [String: String]
    ) {
      elements.append((name, attributes))
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }

    static func of(_ svg: String) -> Reading? {
      let reading = Reading()
      let parser = XMLParser(data: Data(svg.utf8))
      parser.delegate = reading
      return parser.parse() ? reading : nil
    }
  }

  @Test(arguments: [0, 1, 5, 60, 300]) func everySizeIsDrawn(count: Int) throws {
    let svg = Self.picture(count).svg()
    #expect(Self.picture(count).svg() == svg)
    let reading = try #require(Reading.of(svg), "no XML")
    let frame = try #require(reading.elements.first { $0.name == "svg" }?.attributes)
    let width = try #require(frame["width"].flatMap(Double.init))
    let height = try #require(frame["height"].flatMap(Double.init))
    for element in reading.elements where element.name == "rect" || element.name == "text" {
      guard let x = element.attributes["x"].flatMap(Double.init),
        let y = element.attributes["y"].flatMap(Double.init)
      else { continue }
      let right = x + (element.attributes["width"].flatMap(Double.init) ?? 0)
      let bottom = y + (element.attributes["height"].flatMap(Double.init) ?? 0)
      #expect(x >= 0 && y >= 0 && right <= width && bottom <= height, "\(element)")
    }
    // Every allocation has its tooltip; the picture has one more.
    #expect(reading.elements.count { $0.name == "title" } == count + 1)
    #expect(reading.text.contains("planned peak 12.0 KiB"))
    #expect(reading.text.contains("lower bound (dashed) 11.9 KiB"))
  }

  @Test func namesAreEscaped() throws {
    let hostile = "a<b>&\"c'\u{1}\u{FFFE}é あ]]>"
    let svg = Self.picture(6, name: hostile).svg()
    let reading = try #require(Reading.of(svg), "no XML")
    #expect(reading.text.contains("a<b>&\"c'\u{FFFD}\u{FFFD}é あ]]>3"))
    #expect(!svg.contains("\u{1}"))
  }

  /// Offsets upwards, time to the right, both to scale.
  @Test func rectanglesAreToScale() throws {
    let reading = try #require(Reading.of(Self.picture(4).svg()))
    let outlines = reading.elements.filter {
      $0.name == "rect" && $0.attributes["fill"] == "none"
    }.map { $0.attributes.compactMapValues(Double.init) }
    #expect(outlines.count == 4)
    let (first, second) = (outlines[0], outlines[1])
    let height = try #require(first["height"])
    let (top, next) = (try #require(first["y"]), try #require(second["y"]))
    #expect(abs(top - height - next) < 0.05)
    let column = try #require(first["width"]) / 3
    let (start, later) = (try #require(first["x"]), try #require(second["x"]))
    #expect(abs(later - column - start) < 0.05)
  }

  /// In black and white the styles differ as well: no two have the same marks.
  @Test func everyStyleHasAHatchingOfItsOwn() throws {
    let svg = Self.picture(3).svg()
    let patterns = svg.matches(of: /<pattern id="(\w+)"[^>]*><rect [^>]*\/>(.*?)<\/pattern>/)
    #expect(patterns.map { String($0.output.1) } == PlanPicture.Style.allCases.map(\.rawValue))
    let marks = patterns.map { pattern in
      String(pattern.output.2).replacing(/#[0-9A-F]{6}/, with: "")
    }
    #expect(Set(marks).count == marks.count)
  }

  @Test func theLegendSaysWhatIsThereAndNothingElse() throws {
    var picture = Self.picture(1)
    picture.steps[0].style = .forward
    picture.allocations[0].values[0].segments = [.init(first: 0, last: 2, style: .forward)]
    let text = try #require(Reading.of(picture.svg())).text
    #expect(text.contains(PlanPicture.Style.forward.meaning))
    for style in PlanPicture.Style.allCases where style != .forward {
      #expect(!text.contains(style.meaning), "\(style)")
    }
  }

  @Test func whatIsLeftOutIsSaid() throws {
    var many = Self.picture(PlanPicture.mostAllocations + 40)
    let text = try #require(Reading.of(many.svg())).text
    #expect(text.contains("600 of 640 allocations are drawn; the others are smaller"))
    many.allocations = Array(many.allocations.prefix(2))
    many.allocations[1].bytes = 1
    many.allocations[1].offset = 0
    let thin = try #require(Reading.of(many.svg())).text
    #expect(thin.contains("1 of 2 allocations are drawn; the others are thinner than a line"))
    let whole = try #require(Reading.of(Self.picture(9).svg())).text
    #expect(!whole.contains("are drawn"))
  }
}
