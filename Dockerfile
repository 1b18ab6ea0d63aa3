# docker build .                       the CPU image
# docker build --build-arg CUDA=12 .   with onnxruntime's CUDA libraries (needs network access to NuGet while building)
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build
ARG CUDA=""
RUN npm prune --omit=dev \
 && if [ -n "$CUDA" ]; then node node_modules/onnxruntime-node/script/install --onnxruntime-node-install=cuda$CUDA; fi

FROM node:24-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080 KINEWATCH_DIR=/var/lib/kinewatch
WORKDIR /app
RUN mkdir -p /var/lib/kinewatch && chown node:node /var/lib/kinewatch
COPY --from=build --chown=node:node /app/node_modules node_modules
COPY --from=build --chown=node:node /app/dist dist
COPY --from=build --chown=node:node /app/models/binn.onnx /app/models/binn.json models/
COPY --from=build --chown=node:node /app/package.json ./
USER node
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s CMD ["node", "-e", "fetch('http://127.0.0.1:8080/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/src/main.js"]
