{{- /* What servers and workers have in common. The argument: root, component ("servers" or "workers"). */ -}}

{{- define "emotalk.queueFlags" -}}
- --queue=kafka://{{ join "," .Values.kafka.servers }}
- --partitions={{ .Values.kafka.partitions }}
- --max-message-mib={{ .Values.kafka.maxMessageMib }}
{{- with .Values.kafka.prefix }}
- --kafka-prefix={{ . }}
{{- end }}
{{- if .Values.kafka.config.secret }}
- --kafka-config=/etc/emotalk/kafka/{{ .Values.kafka.config.key }}
{{- end }}
{{- if .Values.kafka.tls.certSecret }}
- --kafka-option=ssl.certificate.location=/etc/emotalk/kafka-cert/tls.crt
- --kafka-option=ssl.key.location=/etc/emotalk/kafka-cert/tls.key
{{- end }}
{{- range $name, $value := .Values.kafka.options }}
- {{ printf "--kafka-option=%s=%s" $name (include "emotalk.text" $value) | quote }}
{{- end }}
{{- end -}}

{{- define "emotalk.commonFlags" -}}
- --metrics-host=0.0.0.0
- --metrics-port=9464
{{- if .Values.tracing.endpoint }}
- --tracing=otlp
{{- end }}
{{- if .Values.checkpoint.volume }}
- --model-path=/etc/emotalk/checkpoint/{{ .Values.checkpoint.file }}
{{- end }}
{{- end -}}

{{- /* A number as it was written: Helm's own way makes 1e+06 of a million. */ -}}
{{- define "emotalk.text" -}}
{{- if kindIs "string" . -}}{{ . }}{{- else if kindIs "map" . -}}
{{- $pairs := list -}}
{{- range $name, $value := . -}}{{- $pairs = append $pairs (printf "%s=%s" $name ($value | toJson)) -}}{{- end -}}
{{- join "," $pairs -}}
{{- else -}}{{ . | toJson }}{{- end -}}
{{- end -}}

{{- define "emotalk.env" -}}
- name: TMPDIR
  value: /tmp
- name: HOME
  value: /tmp
{{- $kafka := .Values.kafka }}
{{- if or $kafka.tls.enabled $kafka.sasl.mechanism }}
- name: EMOTALK_KAFKA_SECURITY_PROTOCOL
  value: {{ printf "%s%s" (ternary "SASL_" "" (ne $kafka.sasl.mechanism "")) (ternary "SSL" "PLAINTEXT" $kafka.tls.enabled) }}
{{- end }}
{{- if $kafka.tls.caSecret }}
- name: EMOTALK_KAFKA_SSL_CA
  value: /etc/emotalk/kafka-ca/{{ $kafka.tls.caKey }}
{{- end }}
{{- if $kafka.sasl.mechanism }}
- name: EMOTALK_KAFKA_SASL_MECHANISM
  value: {{ $kafka.sasl.mechanism }}
- name: EMOTALK_KAFKA_SASL_USERNAME
  valueFrom: {secretKeyRef: {name: {{ $kafka.sasl.secret }}, key: {{ $kafka.sasl.usernameKey }}}}
- name: EMOTALK_KAFKA_SASL_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ $kafka.sasl.secret }}, key: {{ $kafka.sasl.passwordKey }}}}
{{- end }}
{{- if .Values.tracing.endpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ .Values.tracing.endpoint | quote }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "emotalk.mounts" -}}
- {name: scratch, mountPath: /tmp}
{{- if .Values.kafka.config.secret }}
- {name: kafka-config, mountPath: /etc/emotalk/kafka, readOnly: true}
{{- end }}
{{- if .Values.kafka.tls.caSecret }}
- {name: kafka-ca, mountPath: /etc/emotalk/kafka-ca, readOnly: true}
{{- end }}
{{- if .Values.kafka.tls.certSecret }}
- {name: kafka-cert, mountPath: /etc/emotalk/kafka-cert, readOnly: true}
{{- end }}
{{- if .Values.checkpoint.volume }}
- {name: checkpoint, mountPath: /etc/emotalk/checkpoint, readOnly: true}
{{- end }}
{{- end -}}

{{- define "emotalk.volumes" -}}
- name: scratch
  emptyDir: {sizeLimit: {{ .Values.scratchSize }}}
{{- if .Values.kafka.config.secret }}
- name: kafka-config
  secret: {secretName: {{ .Values.kafka.config.secret }}}
{{- end }}
{{- if .Values.kafka.tls.caSecret }}
- name: kafka-ca
  secret: {secretName: {{ .Values.kafka.tls.caSecret }}}
{{- end }}
{{- if .Values.kafka.tls.certSecret }}
- name: kafka-cert
  secret: {secretName: {{ .Values.kafka.tls.certSecret }}}
{{- end }}
{{- with .Values.checkpoint.volume }}
- name: checkpoint
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "emotalk.podHead" -}}
{{- $own := index .root.Values .component -}}
metadata:
  labels:
    {{- include "emotalk.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
  annotations:
    checksum/settings: {{ include "emotalk.settings" .root | sha256sum }}
    {{- with $own.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}

{{- define "emotalk.podSpec" -}}
{{- $own := index .root.Values .component -}}
serviceAccountName: {{ include "emotalk.account" .root }}
automountServiceAccountToken: false
# A service named emotalk would set EMOTALK_PORT=tcp://… in every pod of its namespace.
enableServiceLinks: false
securityContext:
  {{- mustMergeOverwrite (dict "runAsNonRoot" true "seccompProfile" (dict "type" "RuntimeDefault")) (deepCopy .root.Values.podSecurityContext) | toYaml | nindent 2 }}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with $own.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.topologySpreadConstraints }}
topologySpreadConstraints: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "emotalk.containerHead" -}}
image: {{ include "emotalk.image" .root | quote }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  {{- mustMergeOverwrite (dict "allowPrivilegeEscalation" false "readOnlyRootFilesystem" true "capabilities" (dict "drop" (list "ALL"))) (deepCopy .root.Values.securityContext) | toYaml | nindent 2 }}
resources: {{- toYaml (index .root.Values .component).resources | nindent 2 }}
envFrom:
  - configMapRef: {name: {{ include "emotalk.fullname" .root }}-settings}
{{- end -}}

{{- define "emotalk.settings" -}}
{{- range $name, $value := .Values.settings }}
EMOTALK_{{ upper $name }}: {{ include "emotalk.text" $value | quote }}
{{- end }}
{{- end -}}
