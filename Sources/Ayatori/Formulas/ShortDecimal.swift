import Foundation

/// At most six digits, as C's `%g`: `0.5`, `1e-08`, `inf`.
func shortDecimal(_ value: Double) -> String { String(format: "%.6g", value) }
