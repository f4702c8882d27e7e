# The service on the CPU: server and worker, both engines. EmoTalk's checkpoint is mounted, never copied in.
FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY requirements ./requirements
COPY src ./src
# Whatever is fetched is held against its hash; what there is at the end is listed in sbom.cdx.json.
RUN python -m venv /build \
    && /build/bin/pip install --no-cache-dir --require-hashes -r requirements/build.txt \
    && /build/bin/pip wheel --no-deps --no-build-isolation -w /dist .
RUN python -m venv /opt/emotalk \
    && /opt/emotalk/bin/pip install --no-cache-dir --require-hashes -r requirements/image.txt \
    && /opt/emotalk/bin/pip install --no-deps /dist/*.whl \
    && /opt/emotalk/bin/pip check \
    && /build/bin/cyclonedx-py environment -o /opt/emotalk/sbom.cdx.json /opt/emotalk/bin/python

FROM python:3.12-slim
COPY --from=build /opt/emotalk /opt/emotalk
ENV PATH=/opt/emotalk/bin:$PATH PYTHONUNBUFFERED=1 ORT_DISABLE_TELEMETRY=1
RUN useradd --create-home --uid 10001 emotalk \
    && mkdir -p /app/pretrain_model /home/emotalk/.local/state/emotalk \
    && chown -R emotalk:emotalk /home/emotalk
USER emotalk
# pretrain_model/EmoTalk.pth is looked for here.
WORKDIR /app
# The embedded queue's file, where no EMOTALK_QUEUE names Kafka.
VOLUME /home/emotalk/.local/state/emotalk
EXPOSE 50051 8000
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s CMD ["emotalk", "health", "localhost:50051"]
ENTRYPOINT ["emotalk"]
CMD ["serve", "--host", "0.0.0.0", "--web-host", "0.0.0.0"]
