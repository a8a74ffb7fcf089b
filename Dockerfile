# The command line in a container, on CPUs:
#   docker build -t rnaernie-bench .
#   docker run --rm -v "$PWD":/work rnaernie-bench run task=ncrna_cls
# For GPUs, the index of PyTorch's builds for a version of CUDA:
#   docker build -t rnaernie-bench:cuda --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu126 .
#   docker run --rm --gpus all -v "$PWD":/work rnaernie-bench:cuda doctor
ARG PYTHON=3.11

FROM python:${PYTHON}-slim-bookworm AS build
WORKDIR /source
COPY . .
RUN pip install --no-cache-dir --constraint constraints.txt hatchling \
    && python -m hatchling build -t wheel -d /dist

FROM python:${PYTHON}-slim-bookworm
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
COPY --from=build /dist /dist
COPY constraints.txt /dist/
RUN wheel="$(echo /dist/*.whl)" \
    && pip install --no-cache-dir --extra-index-url "${TORCH_INDEX}" \
        --constraint /dist/constraints.txt "${wheel}[structure,lora,cmaes]" \
    && useradd --uid 1000 --create-home bench \
    && install --directory --owner bench /work /cache
ENV RNAERNIE_BENCH_CACHE=/cache
USER 1000
WORKDIR /work
VOLUME ["/work", "/cache"]
ENTRYPOINT ["rnaernie-bench"]
CMD ["--help"]
