import CKernels

/// Bytes as floats: each divided by `maximum`, rounded once.
package func scaleBytes(
  _ bytes: UnsafeBufferPointer<UInt8>, by maximum: Float, into target: UnsafeMutablePointer<Float>
) {
  ak_scale_bytes_f32(bytes.baseAddress, maximum, target, Int64(bytes.count))
}

/// As above, in double precision.
package func scaleBytes(
  _ bytes: UnsafeBufferPointer<UInt8>, by maximum: Double,
  into target: UnsafeMutablePointer<Double>
) {
  ak_scale_bytes_f64(bytes.baseAddress, maximum, target, Int64(bytes.count))
}
