# docker build .                the CPU image
# docker build --target gpu .   with CUDA 12, cuDNN 9 and onnxruntime's CUDA libraries (needs network access to NuGet while building);
#                               run it with --gpus all, on a machine with NVIDIA's driver and container toolkit
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build
RUN npm prune --omit=dev

FROM build AS build-gpu
RUN node node_modules/onnxruntime-node/script/install --onnxruntime-node-install=cuda12

# CUDA's own libraries come with NVIDIA's image: the installer above brings onnxruntime's part only. Node is built for any glibc from 2.28 on.
FROM nvidia/cuda:12.8.1-cudnn-runtime-ubuntu24.04 AS gpu
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080 KINEWATCH_DIR=/var/lib/kinewatch EXECUTION_PROVIDER=cuda
WORKDIR /app
RUN useradd --system --create-home --home-dir /var/lib/kinewatch kinewatch
COPY --from=build-gpu /usr/local/bin/node /usr/local/bin/node
COPY --from=build-gpu /app/node_modules node_modules
COPY --from=build-gpu /app/dist dist
COPY --from=build-gpu /app/models/binn.onnx /app/models/binn.json /app/models/evaluation.json /app/models/parity.json models/
COPY --from=build-gpu /app/package.json ./
USER kinewatch
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s CMD ["node", "-e", "fetch('http://127.0.0.1:8080/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/src/main.js"]

FROM node:24-bookworm-slim AS cpu
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080 KINEWATCH_DIR=/var/lib/kinewatch
WORKDIR /app
RUN mkdir -p /var/lib/kinewatch
RUN chown node:node /var/lib/kinewatch
COPY --from=build --chown=node:node /app/node_modules node_modules
COPY --from=build --chown=node:node /app/dist dist
COPY --from=build --chown=node:node /app/models/binn.onnx /app/models/binn.json /app/models/evaluation.json models/
COPY --from=build --chown=node:node /app/package.json ./
USER node
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s CMD ["node", "-e", "fetch('http://127.0.0.1:8080/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/src/main.js"]
