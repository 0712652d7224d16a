{{- /* One release a cluster: the webhook and the roles are the cluster's, so names are the same everywhere. */}}
{{- define "sap-ai-budget.operator" -}}sap-ai-budget-operator{{- end }}

{{- define "sap-ai-budget.selectorLabels" -}}
app.kubernetes.io/name: sap-ai-budget
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{- define "sap-ai-budget.labels" -}}
{{ include "sap-ai-budget.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "sap-ai-budget.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{- define "sap-ai-budget.credentialNamespaces" -}}
{{- toJson (.Values.credentialNamespaces | default (list .Release.Namespace) | uniq) -}}
{{- end }}

{{- /* Where sidecars reach the operator. */}}
{{- define "sap-ai-budget.operatorUrl" -}}
{{- .Values.sidecar.operatorUrl | default (printf "https://%s.%s.svc:9443" (include "sap-ai-budget.operator" .) .Release.Namespace) -}}
{{- end }}

{{- /* Every name under which somebody calls the operator: they are in its certificate. */}}
{{- define "sap-ai-budget.advertisedNames" -}}
{{- $service := printf "%s.%s.svc" (include "sap-ai-budget.operator" .) .Release.Namespace -}}
{{- $names := list $service (printf "%s.cluster.local" $service) -}}
{{- range list .Values.sidecar.operatorUrl .Values.webhook.url -}}
{{- if . -}}{{- $names = append $names (get (urlParse .) "hostname") -}}{{- end -}}
{{- end -}}
{{- $names | uniq | join "," -}}
{{- end }}

{{- /* What the operator puts into pods; its members are the operator's setting SAPAIBUDGET_INJECTION. */}}
{{- define "sap-ai-budget.injection" -}}
{{- with .Values.sidecar -}}
{{- dict "image" (include "sap-ai-budget.image" $) "imagePullPolicy" $.Values.image.pullPolicy "command" .command "operatorUrl" (include "sap-ai-budget.operatorUrl" $) "resources" .resources "journalSizeLimit" .journalSizeLimit "logLevel" .logLevel | toJson -}}
{{- end -}}
{{- end }}
