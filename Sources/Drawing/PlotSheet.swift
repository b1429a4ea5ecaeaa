/// Plots side by side on one sheet, as data: lines over a common axis, and heat maps.
public struct PlotSheet: Sendable {
  /// One line of a plot.
  public struct Series: Sendable {
    public var name: String
    /// One value for each place on the axis; what is not finite leaves a gap.
    public var values: [Double]

    public init(_ name: String, _ values: [Double]) {
      self.name = name
      self.values = values
    }
  }

  /// One plot.
  public struct Panel: Sendable {
    enum Content: Sendable {
      case lines([Series])
      case heat([Series])
    }

    public var title: String
    /// What the vertical axis, or the colour, counts.
    public var unit: String
    var content: Content

    /// Lines over the sheet's axis.
    public static func lines(_ title: String, unit: String, _ series: [Series]) -> Panel {
      Panel(title: title, unit: unit, content: .lines(series))
    }

    /// A row of colour for each series, dark where the value is large, from 0 on.
    public static func heat(_ title: String, unit: String, _ rows: [Series]) -> Panel {
      Panel(title: title, unit: unit, content: .heat(rows))
    }
  }

  public var title: String
  /// What the horizontal axis counts, and its places.
  public var axis: String
  public var places: [Double]
  public var panels: [Panel]

  public init(title: String, axis: String, places: [Double], panels: [Panel]) {
    self.title = title
    self.axis = axis
    self.places = places
    self.panels = panels
  }
}
