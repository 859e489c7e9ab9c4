{{/* Names, labels and what pods have in common. */}}

{{- define "sluice.operator" -}}
{{- printf "%s-operator" .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "sluice.hub" -}}
{{- .Values.hub.name | default .Release.Name -}}
{{- end -}}

{{- define "sluice.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* Of everything; call with (list $ "component"). Only those that never change may select. */}}
{{- define "sluice.labels" -}}
{{- $root := index . 0 -}}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
app.kubernetes.io/part-of: sluice
{{ include "sluice.selector" . }}
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "sluice.selector" -}}
app.kubernetes.io/name: sluice
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* Selects the pods of one role of the chart's hub; call with (list $ "role"). The operator gives them these labels. */}}
{{- define "sluice.hub.selector" -}}
app.kubernetes.io/name: sluice
app.kubernetes.io/component: {{ index . 1 }}
sluice.dev/hub: {{ include "sluice.hub" (index . 0) }}
{{- end -}}

{{- define "sluice.pod.security" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "sluice.container.security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- define "sluice.pod.images" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Where a pod may run; call with what has nodeSelector and tolerations. */}}
{{- define "sluice.pod.place" -}}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* A port that is the same in every pod: of the admin port, of gRPC, of first certificates, of the API. */}}
{{- define "sluice.port.admin" -}}8081{{- end -}}
{{- define "sluice.port.grpc" -}}7001{{- end -}}
{{- define "sluice.port.enrolment" -}}7002{{- end -}}
{{- define "sluice.port.api" -}}8443{{- end -}}
