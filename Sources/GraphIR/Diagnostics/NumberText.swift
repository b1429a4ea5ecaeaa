/// A number as Swift writes it, and a NaN without its sign, which means nothing.
package func numberText(_ value: Double) -> String { value.isNaN ? "nan" : "\(value)" }
