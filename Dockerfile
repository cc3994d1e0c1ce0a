# The service in one container. It needs nothing but a volume at /data and its configuration there:
#   docker build -t wirewatch .
#   docker run --rm -v wirewatch:/data wirewatch init
#   docker run -d -v wirewatch:/data wirewatch
# docker-compose.yml does the same with everything that is not needed taken away.

FROM python:3.13-slim-trixie AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE config.toml ./
COPY crawler crawler
COPY alerts alerts
COPY store store
COPY service service
RUN python -m venv /opt/wirewatch \
    && /opt/wirewatch/bin/pip install --no-cache-dir --disable-pip-version-check \
       -c constraints.txt ".[postgres]" \
    && /opt/wirewatch/bin/python -m compileall -q /opt/wirewatch

FROM python:3.13-slim-trixie
# A fixed number, so that a volume keeps its owner when the image is built anew.
RUN groupadd --system --gid 10001 wirewatch \
    && useradd --system --uid 10001 --gid 10001 --home-dir /data --no-create-home wirewatch \
    && install --directory --owner 10001 --group 10001 --mode 0750 /data
COPY --from=build /opt/wirewatch /opt/wirewatch
ENV PATH=/opt/wirewatch/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    WIREWATCH_CONFIG=/data/config.toml
WORKDIR /data
VOLUME /data
USER 10001:10001
EXPOSE 8780
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=60s --timeout=20s --start-period=180s --retries=3 \
    CMD ["wirewatch", "status", "--health"]
ENTRYPOINT ["wirewatch"]
CMD ["run"]
