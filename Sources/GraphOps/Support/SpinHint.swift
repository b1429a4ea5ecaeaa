import CKernels

/// Tells the CPU that the caller waits in a loop for another core to write.
@inline(__always)
package func pauseInSpinLoop() { ak_pause() }
