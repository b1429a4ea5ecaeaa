import Foundation

/// The Greek letters that names spell out.
public enum GreekLetter: String, CaseIterable, Hashable, Sendable {
  case alpha, beta, gamma, delta, epsilon, zeta, eta, theta, iota, kappa, lambda, mu, nu, xi, pi,
    rho, sigma, tau, upsilon, phi, chi, psi, omega

  /// The letter of that name; `eps` is ε.
  public init?(named name: String) {
    self.init(rawValue: name == "eps" ? "epsilon" : name)
  }

  /// The letter itself, or a sign that is made for a use of it: `µ` (micro), `ϵ`.
  public init?(text: String) {
    let text = text.precomposedStringWithCompatibilityMapping
    guard let letter = GreekLetter.allCases.first(where: { $0.text == text }) else { return nil }
    self = letter
  }

  public var text: String {
    switch self {
    case .alpha: "α"
    case .beta: "β"
    case .gamma: "γ"
    case .delta: "δ"
    case .epsilon: "ε"
    case .zeta: "ζ"
    case .eta: "η"
    case .theta: "θ"
    case .iota: "ι"
    case .kappa: "κ"
    case .lambda: "λ"
    case .mu: "μ"
    case .nu: "ν"
    case .xi: "ξ"
    case .pi: "π"
    case .rho: "ρ"
    case .sigma: "σ"
    case .tau: "τ"
    case .upsilon: "υ"
    case .phi: "φ"
    case .chi: "χ"
    case .psi: "ψ"
    case .omega: "ω"
    }
  }

  public var latex: String { self == .epsilon ? "\\varepsilon" : "\\\(rawValue)" }
}
