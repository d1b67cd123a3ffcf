# CTranslate2: the convolutions of the encoder as matrix products, so that oneDNN's primitives are not needed.
#
# Included at the end of CTranslate2's `project()`. The rest of CTranslate2 keeps `CT2_WITH_DNNL`: it says that matrix products go to
# oneDNN, and that convolution weights are kept as float32 in a quantised model, as in faster-whisper's CTranslate2.
set_property(SOURCE src/ops/conv1d_cpu.cc APPEND PROPERTY COMPILE_OPTIONS -UCT2_WITH_DNNL)
