import CCairo

/// A cairo image surface to draw on.
final class Canvas {
  /// An opaque colour.
  struct Color: Sendable {
    var red: Double
    var green: Double
    var blue: Double

    init(_ hex: UInt32) {
      red = Double(hex >> 16 & 0xFF) / 255
      green = Double(hex >> 8 & 0xFF) / 255
      blue = Double(hex & 0xFF) / 255
    }

    static let white = Color(0xFFFFFF)
    static let ink = Color(0x222222)
    static let grey = Color(0x666666)
    static let faint = Color(0xE4E4E4)

    /// From almost white to dark blue, ever darker, so that grey print keeps the order.
    static func ramp(_ share: Double) -> Color {
      var color = Color(0xF3F6FA)
      let dark = Color(0x08306B)
      color.red += (dark.red - color.red) * share
      color.green += (dark.green - color.green) * share
      color.blue += (dark.blue - color.blue) * share
      return color
    }
  }

  enum Alignment { case start, middle, end }

  private let surface: OpaquePointer?
  private let context: OpaquePointer?

  init(width: Double, height: Double) {
    surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, Int32(width), Int32(height))
    context = cairo_create(surface)
  }

  deinit {
    cairo_destroy(context)
    cairo_surface_destroy(surface)
  }

  private func set(_ color: Color) {
    cairo_set_source_rgb(context, color.red, color.green, color.blue)
  }

  func fill(_ x: Double, _ y: Double, _ width: Double, _ height: Double, _ color: Color) {
    set(color)
    cairo_rectangle(context, x, y, width, height)
    cairo_fill(context)
  }

  /// A line through the points; a dot where there is only one.
  func line(
    _ points: [(Double, Double)], _ color: Color, _ width: Double, dashes: [Double] = []
  ) {
    guard let first = points.first else { return }
    set(color)
    if points.count == 1 {
      cairo_arc(context, first.0, first.1, width, 0, 2 * .pi)
      cairo_fill(context)
      return
    }
    cairo_set_line_width(context, width)
    cairo_set_line_join(context, CAIRO_LINE_JOIN_ROUND)
    cairo_set_dash(context, dashes, Int32(dashes.count), 0)
    cairo_move_to(context, first.0, first.1)
    for point in points.dropFirst() { cairo_line_to(context, point.0, point.1) }
    cairo_stroke(context)
    cairo_set_dash(context, nil, 0, 0)
  }

  /// Writes text on a base line and gives its width.
  @discardableResult
  func text(
    _ text: String, _ x: Double, _ y: Double, size: Double, _ color: Color, isBold: Bool = false,
    align: Alignment = .start
  ) -> Double {
    set(color)
    cairo_select_font_face(
      context, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL,
      isBold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL)
    cairo_set_font_size(context, size)
    var extents = cairo_text_extents_t()
    cairo_text_extents(context, text, &extents)
    let offset =
      switch align {
      case .start: 0.0
      case .middle: extents.x_advance / 2
      case .end: extents.x_advance
      }
    cairo_move_to(context, x - offset, y)
    cairo_show_text(context, text)
    return extents.x_advance
  }

  /// The bytes of a PNG file.
  func png() -> [UInt8] {
    final class Sink { var bytes: [UInt8] = [] }
    let sink = Sink()
    cairo_surface_flush(surface)
    let status = cairo_surface_write_to_png_stream(
      surface,
      { closure, data, length in
        guard let closure, let data else { return CAIRO_STATUS_WRITE_ERROR }
        Unmanaged<Sink>.fromOpaque(closure).takeUnretainedValue().bytes
          .append(contentsOf: UnsafeBufferPointer(start: data, count: Int(length)))
        return CAIRO_STATUS_SUCCESS
      }, Unmanaged.passUnretained(sink).toOpaque())
    precondition(
      status == CAIRO_STATUS_SUCCESS, "cairo: \(String(cString: cairo_status_to_string(status)))")
    return sink.bytes
  }
}
