import Foundation

/// At most six digits, as C's `%g`: `0.5`, `1e-08`, `inf`; a NaN without its sign, which means
/// nothing.
func shortDecimal(_ value: Double) -> String {
  value.isNaN ? "nan" : String(format: "%.6g", value)
}
