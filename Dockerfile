# The service on the CPU: server and worker (docs/decisions/0041). EmoTalk's checkpoint is mounted, never copied in.
#   docker build -t emotalk:0.2.0 .                                          the built-in engine
#   docker build -t emotalk:0.2.0 --build-arg EXTRAS="emotalk media" .       with OpenVINO for EmoTalk, and PyAV
# EXTRAS: emotalk, media, plot. Media brings FFmpeg with x264 and x265, which are GPL: docs/install.md says what follows.
# BASE: any image with Python 3.11 to 3.13 as python3, and its module venv.
ARG BASE=python:3.12-slim
FROM ${BASE} AS build
WORKDIR /src
COPY requirements ./requirements
ARG EXTRAS=""
# Whatever is fetched is held against its hash; what there is at the end is listed in sbom.cdx.json.
# Without pip: nothing is installed in a container that runs.
RUN python3 -m venv /build \
    && /build/bin/pip install --require-hashes -r requirements/build.txt \
    && python3 -m venv --without-pip /opt/emotalk \
    && for each in $EXTRAS; do set -- "$@" -r "requirements/image-$each.txt"; done \
    && /build/bin/pip --python /opt/emotalk/bin/python install --require-hashes -r requirements/image.txt "$@"
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY src ./src
RUN /build/bin/pip wheel --no-deps --no-build-isolation -w /dist . \
    && /build/bin/pip --python /opt/emotalk/bin/python install --no-deps /dist/*.whl \
    && /build/bin/pip --python /opt/emotalk/bin/python check \
    && /build/bin/cyclonedx-py environment -o /opt/emotalk/sbom.cdx.json /opt/emotalk/bin/python

FROM ${BASE}
COPY --from=build /opt/emotalk /opt/emotalk
ENV PATH=/opt/emotalk/bin:$PATH PYTHONUNBUFFERED=1 ORT_DISABLE_TELEMETRY=1
RUN useradd --create-home --uid 10001 emotalk \
    && mkdir -p /app/pretrain_model /home/emotalk/.local/state/emotalk \
    && chown -R emotalk:emotalk /home/emotalk
# A number, since Kubernetes cannot tell of a name that it is not root's. Any other number works as well.
USER 10001
# pretrain_model/EmoTalk.pth is looked for here.
WORKDIR /app
# The embedded queue's file, where no EMOTALK_QUEUE names Kafka.
VOLUME /home/emotalk/.local/state/emotalk
EXPOSE 50051 8000
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s CMD ["emotalk", "health", "localhost:50051"]
ENTRYPOINT ["emotalk"]
CMD ["serve", "--host", "0.0.0.0", "--web-host", "0.0.0.0"]
