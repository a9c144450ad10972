# vbilstm in an image, from the release archive:
#   scripts/make-release.sh artifacts linux-x64 && docker build -t vbilstm .
#   docker run --rm -v "$PWD:/work" vbilstm train
# For GPUs, BASE is an image with CUDA's libraries, for instance one of NVIDIA's with "cudnn-runtime" in its name: docker build --build-arg BASE=… and docker run --gpus all.
ARG BASE=debian:bookworm-slim
FROM ${BASE}
ADD artifacts/vbilstm-*-linux-x64.tar.xz /opt/
RUN apt-get update && apt-get install -y --no-install-recommends libssl3 && rm -rf /var/lib/apt/lists/* \
    && ln -s /opt/vbilstm-*-linux-x64/vbilstm /usr/local/bin/vbilstm && vbilstm --version
WORKDIR /work
ENTRYPOINT ["vbilstm"]
